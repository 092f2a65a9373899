import type { StreamSource } from 'nats';
import { nanos } from 'nats';
import type { Republishing } from '../connection/subjects.ts';
import { Subjects } from '../connection/subjects.ts';

/** What the gateway's configuration says of the stream. */
export interface StreamSettings {
  readonly stream: string;
  readonly replicas: number;
  readonly maxAgeMs: number;
  readonly maxBytes: number;
}

/** What a stream is judged against. */
export interface StreamRequirements {
  readonly settings: StreamSettings;
  readonly subjects: Subjects;
}

/** A retried publish is recognised within this window, in milliseconds. */
const DUPLICATE_WINDOW_MS = 120_000;
/**
 * How long a consumer that reads history may be inactive before the server removes it, in milliseconds: longer than one message may take
 * on a slow link.
 */
export const CONSUMER_INACTIVE_MS = 120_000;

/** How long JetStream is to recognise repeats, at least, in nanoseconds: it cannot be longer than messages are kept. */
export function duplicateWindow({ maxAgeMs }: StreamSettings): number {
  return nanos(Math.min(DUPLICATE_WINDOW_MS, maxAgeMs));
}

/** A field whose value matters. */
interface Checked {
  /**
   * - `required`: another value breaks a promise to viewers or publishers;
   * - `forbidden`: so does any value, the feature must be off;
   * - `setting`: nothing breaks, but the gateway was started with a setting that says otherwise.
   */
  readonly kind: 'required' | 'forbidden' | 'setting';
  /** What it must be, in words. */
  readonly value: string;
  /** What it must be, as the message of a refusal shows it. */
  readonly wanted: (requirements: StreamRequirements) => unknown;
  /** Default: whether both read the same in JSON. */
  readonly fits?: (found: unknown, requirements: StreamRequirements) => boolean;
  /** Flags of `nats stream edit` that change it to what it must be; undefined when only a new stream can have it. */
  readonly editFlags?: (requirements: StreamRequirements, found: unknown) => readonly string[] | undefined;
  /** Version of NATS from which on it can be edited; absent: all. */
  readonly editableSince?: readonly [major: number, minor: number];
}

/** What the gateway makes of one field of a stream's configuration. */
export type FieldRule = (Checked | { readonly kind: 'harmless' }) & { readonly why: string };

const isUnset = (found: unknown): boolean =>
  found === undefined || found === null || found === false || found === 0 || found === '' || isEmpty(found);
const isEmpty = (found: unknown): boolean => Array.isArray(found) && found.length === 0;
const isUnlimited = (found: unknown): boolean => isUnset(found) || found === -1;
const isWholeMirror = (found: unknown): boolean => {
  const { filter_subject, subject_transforms } = (found ?? {}) as Partial<StreamSource>;
  return !isUnset(found) && isUnset(filter_subject) && isUnset(subject_transforms);
};
const seconds = (ns: number): string => `${ns / 1e9}s`;

/** The subjects that the documentation shows. */
const SHOWN = new Subjects();
const SHOWN_REPUBLISH: Republishing = {
  src: `\`${SHOWN.republish.src}\``,
  dest: `\`${SHOWN.republish.dest}\`; of a mirror \`${SHOWN.ofMirror('<mirror>').republish.dest}\``,
};
const EDITED_REPUBLISH: Pick<Checked, 'editFlags' | 'editableSince'> = {
  editFlags: ({ subjects: { republish } }) => [
    `--republish-source='${republish.src}'`,
    `--republish-destination='${republish.dest}'`,
  ],
  editableSince: [2, 10],
};

const harmless = (why: string): FieldRule => ({ kind: 'harmless', why });
const forbidden = (why: string, ...flags: readonly string[]): FieldRule => ({
  kind: 'forbidden',
  value: 'off',
  wanted: () => undefined,
  fits: isUnset,
  editFlags: () => (flags.length === 0 ? undefined : flags),
  why,
});

const republish = (part: keyof Republishing, why: string): FieldRule => ({
  kind: 'required',
  value: SHOWN_REPUBLISH[part],
  wanted: ({ subjects }) => subjects.republish[part],
  ...EDITED_REPUBLISH,
  why,
});

/**
 * Every field of the stream configuration of NATS 2.9 to 2.15, as STREAM.INFO names it; the parts of small objects on their
 * own. Where messages go from the middle, a message held at a cursor no longer proves that nothing behind it is missing.
 */
export const STREAM_FIELDS: Readonly<Record<string, FieldRule>> = {
  name: harmless('it is what `--stream` asks for'),
  description: harmless('a text for people'),
  metadata: harmless('labels for people and tools'),
  subjects: {
    kind: 'required',
    value: `\`${SHOWN.stored}\` alone; a mirror has none`,
    wanted: ({ subjects }) => (subjects.mirror === undefined ? [subjects.stored] : undefined),
    editFlags: ({ subjects }) => [`--subjects='${subjects.stored}'`],
    why: 'every room is stored, and nothing else',
  },
  retention: {
    kind: 'required',
    value: '`limits`',
    wanted: () => 'limits',
    editFlags: (_needs, found) => (found === 'interest' ? ['--retention=limits'] : undefined),
    editableSince: [2, 10],
    why: 'interest and work queue streams drop what consumers have acknowledged: from the middle, or all of it',
  },
  max_consumers: {
    kind: 'required',
    value: 'unlimited',
    wanted: () => -1,
    fits: isUnlimited,
    editFlags: () => ['--max-consumers=0'],
    editableSince: [2, 12],
    why: 'every read of history is a consumer for a moment, and all gateways share the limit',
  },
  max_msgs: harmless('evicts the oldest first, which is announced as a gap'),
  max_bytes: {
    kind: 'setting',
    value: '`--max-bytes`',
    wanted: ({ settings: { maxBytes } }) => maxBytes,
    editFlags: ({ settings: { maxBytes } }) => [`--max-bytes=${maxBytes}`],
    why: 'evicts the oldest first, which is announced as a gap',
  },
  max_age: {
    kind: 'setting',
    value: '`--max-age`',
    wanted: ({ settings: { maxAgeMs } }) => nanos(maxAgeMs),
    editFlags: ({ settings: { maxAgeMs } }) => [`--max-age=${seconds(nanos(maxAgeMs))}`],
    why: 'evicts the oldest first; silent rooms are compared with the stream well within it',
  },
  max_msgs_per_subject: {
    kind: 'required',
    value: 'unlimited',
    wanted: () => -1,
    fits: isUnlimited,
    editFlags: () => ['--max-msgs-per-subject=-1'],
    why: 'evicts from the middle of the stream',
  },
  max_msg_size: harmless('a message that is too large is refused with a reason'),
  discard: {
    kind: 'required',
    value: '`old`',
    wanted: () => 'old',
    editFlags: () => ['--discard=old'],
    why: 'a stream that is full would refuse every publish',
  },
  discard_new_per_subject: forbidden(
    'a room that is full would refuse every publish',
    '--no-discard-per-subject',
  ),
  storage: {
    kind: 'required',
    value: '`file`',
    wanted: () => 'file',
    why: 'messages in memory do not outlive a restart of NATS',
  },
  num_replicas: {
    kind: 'setting',
    value: '`--replicas`',
    wanted: ({ settings: { replicas } }) => replicas,
    editFlags: ({ settings: { replicas } }) => [`--replicas=${replicas}`],
    why: 'how many servers may be lost',
  },
  no_ack: forbidden('publishers would never learn that a message is stored', '--ack'),
  template_owner: harmless('who made the stream does not matter (NATS before 2.14)'),
  duplicate_window: {
    kind: 'required',
    value: 'at least 2 minutes, or `--max-age` if that is shorter',
    wanted: ({ settings }) => duplicateWindow(settings),
    fits: (found, { settings, subjects }) =>
      subjects.mirror !== undefined || Number(found) >= duplicateWindow(settings),
    editFlags: ({ settings }) => [`--dupe-window=${seconds(duplicateWindow(settings))}`],
    why: 'a publish that is tried again would be stored twice',
  },
  placement: harmless('where the copies are does not matter'),
  mirror: {
    kind: 'required',
    value: 'off, or another stream as a whole, without filter or transforms',
    wanted: ({ subjects }) => (subjects.mirror === undefined ? undefined : 'another stream as a whole'),
    fits: (found, { subjects }) => (subjects.mirror === undefined ? isUnset(found) : isWholeMirror(found)),
    why: 'publishes go to the stream that a mirror copies, and cursors count its messages',
  },
  sources: forbidden('their messages were acknowledged with the sequences of another stream'),
  compression: harmless('how it is stored does not matter (NATS 2.10)'),
  first_seq: harmless('sequences may begin anywhere (NATS 2.10)'),
  subject_transform: forbidden(
    'messages would be stored under other rooms than they were sent to (NATS 2.10)',
    '--no-transform',
  ),
  'republish.src': republish('src', 'gateways get what is stored by its republished copy'),
  'republish.dest': republish('dest', 'gateways subscribe to it, room by room'),
  'republish.headers_only': {
    ...forbidden('viewers would get messages without their payload'),
    ...EDITED_REPUBLISH,
  },
  allow_direct: harmless('gateways ask the leader alone: a replica may be behind'),
  mirror_direct: harmless('gateways ask the leader alone: a replica may be behind'),
  sealed: forbidden('a sealed stream takes no publishes, and cannot be opened again'),
  deny_delete: harmless('operators cannot delete a message on its own, which is good'),
  deny_purge: harmless('operators cannot purge, which is good'),
  allow_rollup_hdrs: forbidden(
    'any publisher could remove a room, or everything, with a header',
    '--no-allow-rollup',
  ),
  'consumer_limits.inactive_threshold': {
    kind: 'required',
    value: 'unlimited, or at least 2 minutes',
    wanted: () => nanos(CONSUMER_INACTIVE_MS),
    fits: (found) => isUnset(found) || Number(found) >= nanos(CONSUMER_INACTIVE_MS),
    why: 'the consumers that read history would be refused (NATS 2.10)',
  },
  'consumer_limits.max_ack_pending': harmless(
    'the consumers that read history acknowledge nothing (NATS 2.10)',
  ),
  allow_msg_ttl: forbidden('messages with a TTL of their own go from the middle of the stream (NATS 2.11)'),
  subject_delete_marker_ttl: forbidden('goes with TTLs, and stores messages that nobody sent (NATS 2.11)'),
  allow_msg_counter: forbidden('payloads would be replaced by sums (NATS 2.12)'),
  allow_atomic: forbidden(
    'a batch that is sent again is refused as a whole, not acknowledged as stored (NATS 2.12)',
    '--no-allow-batch',
  ),
  allow_msg_schedules: forbidden(
    'schedules replace each other, from the middle of the stream, and send messages that look like those of publishers (NATS 2.12)',
  ),
  persist_mode: {
    kind: 'required',
    value: '`default`',
    wanted: () => 'default',
    fits: (found) => isUnset(found) || found === 'default',
    why: 'with `async` a message is acknowledged before it is written (NATS 2.12)',
  },
  allow_batched: forbidden(
    'a batch may be acknowledged although it has holes (NATS 2.14)',
    '--no-allow-fast',
  ),
};
