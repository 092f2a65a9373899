import type { JetStreamManager, StreamConfig, StreamInfo } from 'nats';
import { DiscardPolicy, NatsError, nanos, RetentionPolicy, StorageType } from 'nats';
import { MAX_STORED_BYTES } from '../../log/sizes.ts';
import type { Logger } from '../../observability/logging.ts';
import type { Difference } from './stream-config.ts';
import { describeDifferences, isOlder, judgeStream } from './stream-config.ts';
import type { StreamRequirements } from './stream-fields.ts';
import { duplicateWindow } from './stream-fields.ts';
import type { OriginName } from './origin-name.ts';
import { mirroredBy } from './origin-name.ts';

/** How long JetStream may take for an answer, in milliseconds. */
export const REQUEST_TIMEOUT_MS = 2_000;

const STREAM_NOT_FOUND = 10059;
const SUBJECTS_OVERLAP = 10065;
/** The first version of NATS whose mirrors republish. */
const MIRRORS_REPUBLISH = [2, 10] as const;
const UNKNOWN_FIELDS =
  'the stream has settings that this version of the gateway does not know; whether its promises hold with them, it cannot say';

/** The stream as the gateway creates it: limits retention, oldest out first, republished to the feed. */
export function streamConfig({
  settings,
  subjects,
}: StreamRequirements): Partial<StreamConfig> & { name: string } {
  return {
    name: settings.stream,
    subjects: [subjects.stored],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: nanos(settings.maxAgeMs),
    max_bytes: settings.maxBytes,
    max_msgs_per_subject: -1,
    max_msg_size: MAX_STORED_BYTES,
    num_replicas: settings.replicas,
    duplicate_window: duplicateWindow(settings),
    allow_direct: true,
    republish: subjects.republish,
  };
}

/** The stream that a gateway reads, and where its messages come from. */
export type OpenedStream = {
  /** What the stream that publishes go to stores in one message, in bytes; -1: it sets no limit. */
  readonly maxMessageBytes: number;
  /** When that one was created, as NATS says it. */
  readonly created: string;
} & (
  | /** Publishes go to the stream itself. */
    { readonly kind: 'origin' }
    /** It copies another one, which publishes go to. */
  | { readonly kind: 'mirror'; readonly origin: OriginName }
);

/** The stream exists and is not what the gateway needs; the message says how it differs and what fixes it. */
export class StreamMismatchError extends Error {
  override readonly name = 'StreamMismatchError';
}

/** How a stream is opened. */
export interface Opening {
  readonly jsm: JetStreamManager;
  /** What the subjects of its API begin with. */
  readonly api: string;
  readonly serverVersion: string;
  readonly requirements: StreamRequirements;
  /** Whether the NATS server is the gateway's own: its stream then follows the settings. */
  readonly owned: boolean;
  /** Whether this gateway is to create the stream, or should look again; asked when there is none. */
  readonly isCreator: () => Promise<boolean>;
  /** The stream with a name in the JetStream of another API. */
  readonly infoOf: (origin: OriginName) => Promise<StreamInfo>;
  readonly logger: Logger;
}

/**
 * Creates the stream, or checks the one that exists, which may be a mirror.
 * @throws StreamMismatchError
 */
export async function ensureStream(opening: Opening): Promise<OpenedStream> {
  const { jsm, api, requirements, owned, isCreator } = opening;
  const { stream } = requirements.settings;
  let info = await findStream(jsm, stream);
  while (info === undefined) {
    await refuseOverlap(jsm, requirements);
    const create = await isCreator();
    info = (await findStream(jsm, stream)) ?? (create ? await createStream(jsm, requirements) : undefined);
  }
  const origin = mirroredBy(info.config, api);
  if (origin !== undefined) return openMirror(opening, info, origin);
  let differences = differencesOf(info, opening);
  const editable = differences.every(({ flags }) => flags !== undefined);
  if (owned && editable && differences.length > 0) {
    const cleared = Object.fromEntries(differences.map(({ field }) => [field, undefined]));
    info = await jsm.streams.update(stream, { ...cleared, ...streamConfig(requirements) });
    differences = differencesOf(info, opening);
  }
  if (differences.length > 0) throw new StreamMismatchError(describeDifferences(stream, differences));
  warnOfUnknown(info, opening);
  return { kind: 'origin', created: info.created, maxMessageBytes: info.config.max_msg_size };
}

/** Checks a mirror, and the stream that it copies. */
async function openMirror(opening: Opening, info: StreamInfo, origin: OriginName): Promise<OpenedStream> {
  const { requirements, serverVersion, infoOf } = opening;
  const { stream } = requirements.settings;
  if (isOlder(serverVersion, MIRRORS_REPUBLISH)) {
    throw new StreamMismatchError(
      `the stream ${stream} is a mirror, and NATS ${serverVersion} cannot republish what a mirror stores: that takes NATS ${MIRRORS_REPUBLISH.join('.')}. Name the stream ${origin.stream} with --stream instead.`,
    );
  }
  const own = { ...requirements, subjects: requirements.subjects.ofMirror(stream) };
  const differences = differencesOf(info, { ...opening, requirements: own });
  if (differences.length > 0) throw new StreamMismatchError(describeDifferences(stream, differences));
  const copied = await infoOf(origin);
  const judged = judgeStream(copied, requirements, serverVersion);
  if (judged.kind === 'unfit')
    throw new StreamMismatchError(describeDifferences(origin.stream, judged.differences));
  warnOfUnknown(info, opening);
  warnOfUnknown(copied, opening);
  return { kind: 'mirror', origin, created: copied.created, maxMessageBytes: copied.config.max_msg_size };
}

function differencesOf(info: StreamInfo, { requirements, serverVersion }: Opening): Difference[] {
  const judged = judgeStream(info, requirements, serverVersion);
  return [...(judged.kind === 'unfit' ? judged.differences : []), ...judged.disagreements];
}

function warnOfUnknown(info: StreamInfo, { requirements, serverVersion, logger }: Opening): void {
  const { unknown } = judgeStream(info, requirements, serverVersion);
  if (unknown.length > 0) logger.warn({ stream: info.config.name, unknown }, UNKNOWN_FIELDS);
}

async function createStream(jsm: JetStreamManager, requirements: StreamRequirements): Promise<StreamInfo> {
  try {
    return await jsm.streams.add(streamConfig(requirements));
  } catch (error) {
    if (isApiError(error, SUBJECTS_OVERLAP)) await refuseOverlap(jsm, requirements);
    throw error;
  }
}

/** @throws StreamMismatchError when another stream has the subjects, or some of them */
async function refuseOverlap(
  jsm: JetStreamManager,
  { settings: { stream }, subjects: { stored } }: StreamRequirements,
): Promise<void> {
  const names = await jsm.streams.names(stored).next();
  // Ours, if another gateway has created it this moment.
  const others = names.filter((name) => name !== stream);
  if (others.length === 0) return;
  throw new StreamMismatchError(
    `the subjects ${stored} are stored by another stream: ${others.join(', ')}. Name it with --stream, take the subjects from it, or use others with --subject-prefix.`,
  );
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
