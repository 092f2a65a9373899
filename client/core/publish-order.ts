import { prefixed } from '../../protos/enum-names.ts';
import type { PublishRequestInput } from '../../protos/gen/live/v1/PublishRequest.ts';
import { status } from '../../protos/status-codes.ts';
import type { DeliveryClass } from '../../protos/vocabulary.ts';
import { classOfKnownType } from '../../protos/vocabulary.ts';
import { checkMessage, checkPublishOptions } from './check-options.ts';
import { LiveError } from './errors.ts';
import type { OutgoingMessage, PublishOptions } from './options.ts';
import { DEFAULT_CALL_TIMEOUT_MS } from './options.ts';

/** What became of a publish. */
export interface PublishResult {
  /** Sequence of the stored message; 0 for an ephemeral one. */
  readonly seq: bigint;
  /** The same message had been stored before, at `seq`. */
  readonly duplicate: boolean;
}

/** A publish with everything decided. */
export interface PublishOrder {
  readonly message: PublishRequestInput & { readonly room: string; readonly key: string };
  readonly deliveryClass: DeliveryClass;
  /** How long to try, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Not to be sent before every earlier one of its room has its result. */
  readonly ordered: boolean;
}

/**
 * Decides what the caller has left open.
 * @throws LiveError INVALID_ARGUMENT that names what makes no sense; with the reason TYPE_UNKNOWN if the class cannot be told
 */
export function publishOrder(room: string, message: OutgoingMessage, options: PublishOptions): PublishOrder {
  checkMessage(message);
  checkPublishOptions(options);
  const { type, sender = '', key: given = '', headers = {} } = message;
  // Made here and once: the gateway would make another one for each attempt.
  const key = given === '' ? crypto.randomUUID() : given;
  const deliveryClass = message.class ?? classOfKnownType(type);
  if (deliveryClass === undefined) {
    const text = `type "${type}" is not known by name and needs a class`;
    throw new LiveError(status.INVALID_ARGUMENT, text, { reason: 'TYPE_UNKNOWN', key });
  }
  return {
    message: {
      room,
      type,
      deliveryClass: prefixed('DELIVERY_CLASS', deliveryClass),
      sender,
      payload: bytesOf(message.payload),
      key,
      headers,
    },
    deliveryClass,
    timeoutMs: options.timeoutMs ?? DEFAULT_CALL_TIMEOUT_MS,
    signal: options.signal,
    ordered: options.ordered ?? false,
  };
}

/** Bytes of our own: it may be sent again after the caller has changed theirs. */
function bytesOf(payload: Uint8Array | string): Uint8Array {
  return typeof payload === 'string' ? new TextEncoder().encode(payload) : new Uint8Array(payload);
}
