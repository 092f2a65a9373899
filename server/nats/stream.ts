import type { JetStreamManager, StreamConfig, StreamInfo } from 'nats';
import { DiscardPolicy, NatsError, nanos, RetentionPolicy, StorageType } from 'nats';
import type { StreamState } from '../core/upstream.ts';
import type { Subjects } from './subjects.ts';

/** What the gateway's configuration says of the stream. */
export interface StreamSettings {
  readonly stream: string;
  readonly replicas: number;
  readonly maxAgeMs: number;
  readonly maxBytes: number;
}

/** How long JetStream may take for an answer, in milliseconds. */
export const REQUEST_TIMEOUT_MS = 5_000;

/** A retried publish is recognised within this window, in milliseconds. */
const DUPLICATE_WINDOW_MS = 120_000;
const STREAM_NOT_FOUND = 10059;

/**
 * Limits retention, oldest out first, republished to the feed. Never `max_msgs_per_subject`: it evicts from the
 * middle, so that a message held at a cursor would no longer prove that nothing behind it is missing.
 */
export function streamConfig(
  settings: StreamSettings,
  subjects: Subjects,
): Partial<StreamConfig> & { name: string } {
  const maxAge = nanos(settings.maxAgeMs);
  return {
    name: settings.stream,
    subjects: [subjects.stored],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: maxAge,
    max_bytes: settings.maxBytes,
    max_msgs_per_subject: -1,
    num_replicas: settings.replicas,
    duplicate_window: Math.min(nanos(DUPLICATE_WINDOW_MS), maxAge),
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
  settings: StreamSettings,
  subjects: Subjects,
  owned: boolean,
  isCreator: () => Promise<boolean>,
): Promise<void> {
  const wanted = streamConfig(settings, subjects);
  let info = await findStream(jsm, wanted.name);
  while (info === undefined) {
    const create = await isCreator();
    info = (await findStream(jsm, wanted.name)) ?? (create ? await jsm.streams.add(wanted) : undefined);
  }
  const differences = compare(wanted, info.config);
  if (differences.length === 0) return;
  const editable = differences.every(({ flag }) => flag !== undefined);
  if (!owned || !editable) throw new StreamMismatchError(describe(wanted.name, differences));
  await jsm.streams.update(wanted.name, wanted);
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

/** Identity and range of a stream. The time of creation tells a re-created stream from the one before. */
export function streamState(info: StreamInfo): StreamState {
  const { config, created, state } = info;
  return {
    epoch: `${config.name}@${created}`,
    predated: state.messages > 0 && Date.parse(state.first_ts) < Date.parse(created),
    firstSeq: Math.max(state.first_seq, 1),
    lastSeq: state.last_seq,
  };
}

/** A setting of the stream that differs, and what the `nats` tool calls it. */
interface Difference {
  readonly field: string;
  readonly wanted: unknown;
  readonly found: unknown;
  /** Flag of `nats stream edit`; undefined when only a new stream can have it. */
  readonly flag: string | undefined;
}

function compare(wanted: Partial<StreamConfig>, found: StreamConfig): Difference[] {
  const seconds = (ns: number | undefined): string => `${(ns ?? 0) / 1e9}s`;
  const rows: Difference[] = [
    row('subjects', wanted.subjects, found.subjects, `--subjects=${wanted.subjects?.join()}`),
    row('retention', wanted.retention, found.retention, undefined),
    row('storage', wanted.storage, found.storage, undefined),
    row('discard', wanted.discard, found.discard, '--discard=old'),
    row('max_age', wanted.max_age, found.max_age, `--max-age=${seconds(wanted.max_age)}`),
    row('max_bytes', wanted.max_bytes, found.max_bytes, `--max-bytes=${wanted.max_bytes}`),
    row('max_msgs_per_subject', -1, found.max_msgs_per_subject, '--max-msgs-per-subject=-1'),
    row('num_replicas', wanted.num_replicas, found.num_replicas, `--replicas=${wanted.num_replicas}`),
    row('allow_direct', true, found.allow_direct, '--allow-direct'),
    row(
      'republish',
      wanted.republish,
      found.republish && { src: found.republish.src, dest: found.republish.dest },
      `--republish-source='${wanted.republish?.src}' --republish-destination='${wanted.republish?.dest}'`,
    ),
  ];
  return rows.filter((difference) => JSON.stringify(difference.wanted) !== JSON.stringify(difference.found));
}

function row(field: string, wanted: unknown, found: unknown, flag: string | undefined): Difference {
  return { field, wanted, found, flag };
}

function describe(stream: string, differences: readonly Difference[]): string {
  const lines = differences.map(
    ({ field, wanted, found }) =>
      `  ${field}: is ${JSON.stringify(found)}, must be ${JSON.stringify(wanted)}`,
  );
  const flags = differences.map(({ flag }) => flag);
  const remedy = flags.includes(undefined)
    ? `Use another --stream, or delete this one: nats stream rm ${stream}`
    : `Mend it: nats stream edit ${stream} ${flags.join(' ')}\nor start with settings that agree with it.`;
  return `the stream ${stream} exists with another configuration:\n${lines.join('\n')}\n${remedy}`;
}
