import type { JetStreamManager, StreamConfig, StreamInfo } from 'nats';
import { DiscardPolicy, NatsError, nanos, RetentionPolicy, StorageType } from 'nats';
import type { StreamState } from '../core/upstream.ts';
import type { Logger } from '../ops/logging.ts';
import type { Difference, StreamNeeds } from './stream-config.ts';
import { describeDifferences, duplicateWindow, judgeStream } from './stream-config.ts';

/** How long JetStream may take for an answer, in milliseconds. */
export const REQUEST_TIMEOUT_MS = 5_000;

const STREAM_NOT_FOUND = 10059;
const UNKNOWN_FIELDS =
  'the stream has settings that this version of the gateway does not know; whether its promises hold with them, it cannot say';

/** The stream as the gateway creates it: limits retention, oldest out first, republished to the feed. */
export function streamConfig({ settings, subjects }: StreamNeeds): Partial<StreamConfig> & { name: string } {
  return {
    name: settings.stream,
    subjects: [subjects.stored],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: nanos(settings.maxAgeMs),
    max_bytes: settings.maxBytes,
    max_msgs_per_subject: -1,
    num_replicas: settings.replicas,
    duplicate_window: duplicateWindow(settings),
    allow_direct: true,
    republish: subjects.republish,
  };
}

/** The stream exists and is not what the gateway needs; the message says how it differs and what mends it. */
export class StreamMismatchError extends Error {
  override readonly name = 'StreamMismatchError';
}

/**
 * Creates the stream, or checks the one that exists.
 * @param owned whether the NATS server is the gateway's own: its stream then follows the settings
 * @param isCreator whether this gateway is to create the stream, or should look again; asked when there is none
 * @throws StreamMismatchError
 */
export async function ensureStream(
  jsm: JetStreamManager,
  serverVersion: string,
  needs: StreamNeeds,
  owned: boolean,
  isCreator: () => Promise<boolean>,
  logger: Logger,
): Promise<void> {
  const wanted = streamConfig(needs);
  const differencesOf = (found: StreamInfo): Difference[] => {
    const judged = judgeStream(found, needs, serverVersion);
    return [...(judged.kind === 'unfit' ? judged.differences : []), ...judged.disagreements];
  };
  let info = await findStream(jsm, wanted.name);
  while (info === undefined) {
    const create = await isCreator();
    info = (await findStream(jsm, wanted.name)) ?? (create ? await jsm.streams.add(wanted) : undefined);
  }
  let differences = differencesOf(info);
  const editable = differences.every(({ flags }) => flags !== undefined);
  if (owned && editable && differences.length > 0) {
    const cleared = Object.fromEntries(differences.map(({ field }) => [field, undefined]));
    info = await jsm.streams.update(wanted.name, { ...cleared, ...wanted });
    differences = differencesOf(info);
  }
  if (differences.length > 0) throw new StreamMismatchError(describeDifferences(wanted.name, differences));
  const { unknown } = judgeStream(info, needs, serverVersion);
  if (unknown.length > 0) logger.warn({ stream: wanted.name, unknown }, UNKNOWN_FIELDS);
}

async function findStream(jsm: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await jsm.streams.info(name);
  } catch (error) {
    if (isApiError(error, STREAM_NOT_FOUND)) return undefined;
    throw error;
  }
}

/** Whether an error is JetStream's with this code (`err_code`). */
function isApiError(error: unknown, code: number): boolean {
  return error instanceof NatsError && error.api_error?.err_code === code;
}

/** Identity of a stream. The time of creation tells a re-created stream from the one before. */
export function streamEpoch({ config, created }: StreamInfo): string {
  return `${config.name}@${created}`;
}

/** Identity and range of a stream. */
export function streamState(info: StreamInfo, formerly: readonly string[]): StreamState {
  const { created, state } = info;
  return {
    epoch: streamEpoch(info),
    formerly,
    predated: state.messages > 0 && Date.parse(state.first_ts) < Date.parse(created),
    firstSeq: Math.max(state.first_seq, 1),
    lastSeq: state.last_seq,
  };
}
