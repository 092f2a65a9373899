import { ErrorCode, NatsError } from 'nats';
import type { PublishOutcome, Refusal, Refused } from '../../upstream/publish-target.ts';
import type { PubAckError } from './pub-ack-errors.ts';
import { verdictOn } from './pub-ack-errors.ts';

/** What JetStream answers (JetStream wire API, "PubAck"). */
export interface PubAck {
  /** Which stream answers. */
  readonly stream?: string;
  readonly domain?: string;
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: PubAckError;
}

/** The message was certainly not stored. */
export function refused(refusal: Refusal, detail: string): Refused {
  return { kind: 'refused', refusal, detail };
}

/** NATS does not let the gateway publish to the subject. */
export function forbiddenTo(subject: string): Refused {
  return refused(
    'forbidden',
    `NATS does not let the gateway publish ${subject}: its user needs the permission`,
  );
}

/** Of what is no PubAck, from whomever, nothing is known. Never throws: all acknowledgements come this way. */
export function parseAck(data: Uint8Array): PubAck {
  try {
    return (JSON.parse(Buffer.from(data).toString()) ?? {}) as PubAck;
  } catch {
    return {};
  }
}

/** What an acknowledgement of the stream says of the message. */
export function outcomeOf({ seq, duplicate, error }: PubAck): PublishOutcome {
  if (!error) {
    if (Number.isSafeInteger(seq))
      return { kind: 'stored', seq: seq as number, duplicate: duplicate === true };
    return { kind: 'unknown', detail: 'an acknowledgement without a sequence' };
  }
  const detail = `${error.description} (${error.err_code})`;
  const verdict = verdictOn(error);
  return verdict === 'unknown' ? { kind: 'unknown', detail } : refused(verdict, detail);
}

/** Who answered instead of the stream. */
export function answererOf({ stream, domain }: PubAck): string {
  if (typeof stream !== 'string') return 'somebody else';
  return typeof domain === 'string' ? `the stream ${stream} of the domain ${domain}` : `the stream ${stream}`;
}

/** What comes of a message that the client does not take. */
export function unsendable(error: unknown): PublishOutcome {
  const tooLarge = error instanceof NatsError && error.code === ErrorCode.MaxPayloadExceeded.toString();
  return tooLarge ? refused('rejected', error.message) : refused('away', 'there is no connection to NATS');
}
