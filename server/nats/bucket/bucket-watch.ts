import type { Clock, Timer } from '../../../common/clock.ts';
import { coalesced } from '../../../common/coalesce.ts';
import type { Logger } from '../../observability/logging.ts';
import type { BucketEntry, BucketReader } from '../../upstream/bucket.ts';
import { parseHeaderLines } from '../codec/header-lines.ts';
import type { NatsConnection } from '../connection/connection.ts';
import type { JetStreamApi } from '../connection/jetstream-api.ts';
import { RequestError } from '../connection/requests.ts';
import type { HeldMessage } from '../stream/message-lookup.ts';
import { MessageLookup } from '../stream/message-lookup.ts';
import type { BucketNames } from './bucket-names.ts';
import type { BucketState } from './bucket-state.ts';
import { bucketState, isMissing, listBucket } from './bucket-state.ts';

/** From one look at the bucket to the next, in milliseconds: what changes is known everywhere within a second. */
const LOOK_MS = 250;
const ASKING = { timeoutMs: 2_000 };
/** A message with one of these says that the key is deleted: by whom, or because its time is over (NATS 2.11). */
const DELETIONS: ReadonlySet<string> = new Set(['KV-Operation', 'Nats-Marker-Reason']);

/** What a watch depends on. */
export interface BucketWatchDependencies {
  readonly connection: Pick<NatsConnection, 'onChange'>;
  readonly api: JetStreamApi;
  readonly names: BucketNames;
  readonly reader: BucketReader;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The bucket as it was read last. */
interface Known {
  readonly created: string;
  revision: number;
  readonly keys: Set<string>;
  /** Keys that the leader counts and that are not read: those of another bucket's subjects, if its stream has any. */
  readonly foreign: number;
}

/**
 * Knows what a bucket holds. Its leader is asked again and again, which proves that nothing was missed, as no subscription can: not while a connection moves
 * from one server to the next, nor a cluster comes together. What cannot be read now is as it was.
 */
export class BucketWatch {
  readonly #dependencies: BucketWatchDependencies;
  readonly #messages: MessageLookup;
  readonly #timer: Timer;
  readonly #unwatch: () => void;
  /** `unread`: nothing is known yet; undefined: there was no bucket. */
  #known: Known | 'unread' | undefined = 'unread';
  #confirmedMs: number;
  /** Whether the last look found that something is gone. */
  #doubtful = false;
  #failing = false;
  #closed = false;

  /** Looks, and whoever asks during a look is answered by the next one. Never rejects: see {@link ageMs}. */
  readonly look = coalesced(() => this.#tryLook());

  constructor(dependencies: BucketWatchDependencies) {
    const { api, names, connection, clock } = dependencies;
    this.#dependencies = dependencies;
    this.#messages = new MessageLookup(api, names.stream, (ask) => ask());
    this.#confirmedMs = clock.monotonicMs();
    this.#timer = clock.every(LOOK_MS, () => void this.look());
    this.#unwatch = connection.onChange((up) => {
      if (up) void this.look();
    });
  }

  /** Whether there was no bucket when it was last looked for. */
  get missing(): boolean {
    return this.#known === undefined;
  }

  /** How long ago it was known what the bucket holds, in milliseconds. */
  get ageMs(): number {
    return this.#dependencies.clock.monotonicMs() - this.#confirmedMs;
  }

  /**
   * Looks for the first time.
   * @throws RequestError, JetStreamError when it cannot be known what the bucket holds, or could not once it holds something
   */
  async start(): Promise<void> {
    await this.#messages.get({ seq: 1 }).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
    await this.#look();
  }

  close(): void {
    this.#closed = true;
    this.#timer.cancel();
    this.#unwatch();
  }

  #isClosed(): boolean {
    return this.#closed;
  }

  async #tryLook(): Promise<void> {
    if (this.#isClosed() || this.#known === 'unread') return;
    const { logger, names } = this.#dependencies;
    try {
      await this.#look();
      if (this.#failing) logger.info({ bucket: names.bucket }, 'the bucket can be read again');
      this.#failing = false;
    } catch (error) {
      // The next look may wait for its turn when everything is closed, and without a connection that is told anyway.
      const gone = error instanceof RequestError && error.kind === 'disconnected';
      if (this.#isClosed() || gone || this.#failing) return;
      this.#failing = true;
      logger.warn(
        { err: error, bucket: names.bucket },
        'the bucket cannot be read: what it held last counts',
      );
    }
  }

  async #look(): Promise<void> {
    const { api, names, clock } = this.#dependencies;
    const askedMs = clock.monotonicMs();
    const state = await bucketState(api, names.stream, ASKING);
    // A leader that is new may lag: what it does not know is gone only if it still says so with the next look.
    this.#doubtful = this.#loses(state) && !this.#doubtful;
    if (this.#doubtful) return;
    if (state === undefined) this.#noBucket();
    else if (!(await this.#follow(state))) await this.#readAll();
    this.#confirmedMs = askedMs;
  }

  #loses(state: BucketState | undefined): boolean {
    const known = this.#known;
    if (known === 'unread' || known === undefined) return false;
    return state?.created !== known.created || state.lastRevision < known.revision;
  }

  #noBucket(): void {
    const { reader, names, logger } = this.#dependencies;
    if (this.#known === undefined) return;
    if (this.#known !== 'unread')
      logger.warn({ bucket: names.bucket }, 'the bucket is gone, and with it all that it held');
    this.#known = undefined;
    reader.replaced([]);
  }

  /** Reads what has been added. False if more has happened: the bucket is another one, or something was removed from it. */
  async #follow({ created, lastRevision, keys }: BucketState): Promise<boolean> {
    const known = this.#known;
    if (known === 'unread' || known?.created !== created || lastRevision < known.revision) return false;
    if (lastRevision > known.revision) {
      const entries = await this.#read(known.revision + 1, lastRevision);
      for (const { key } of entries) known.keys.add(key);
      known.revision = entries.at(-1)?.revision ?? lastRevision;
      this.#dependencies.reader.changed(entries);
    }
    // What was added meanwhile is counted by the next look.
    return known.revision > lastRevision || known.keys.size + known.foreign === keys;
  }

  /** The last message of each key, many at once: sequences of a bucket that has changed often are mostly holes. */
  async #readAll(): Promise<void> {
    const { api, names, reader } = this.#dependencies;
    const { created, lastRevision, keys, subjects } = await listBucket(api, names.stream, names.subjects);
    const messages = await Promise.all(
      subjects.map((subject) => this.#messages.get({ last_by_subj: subject })),
    );
    const entries = messages
      .filter((message) => message !== undefined)
      .map((message) => entryOf(message, names))
      .sort((one, other) => one.revision - other.revision);
    this.#known = {
      created,
      revision: lastRevision,
      keys: new Set(subjects.map((subject) => names.key(subject))),
      foreign: Math.max(0, keys - subjects.length),
    };
    reader.replaced(entries);
  }

  /** What is held from one revision to another, the oldest first. It ends where it was asked to: a bucket may be written to without end. */
  async #read(from: number, upto: number): Promise<BucketEntry[]> {
    const { names } = this.#dependencies;
    const entries: BucketEntry[] = [];
    for (let seq = from; seq <= upto;) {
      const message = await this.#messages.get({ seq, next_by_subj: names.subjects });
      if (message === undefined) break;
      entries.push(entryOf(message, names));
      seq = message.seq + 1;
    }
    return entries;
  }
}

function entryOf({ seq, subject, hdrs = '', data = '' }: HeldMessage, names: BucketNames): BucketEntry {
  const deleted = parseHeaderLines(Buffer.from(hdrs, 'base64')).some(([name]) => DELETIONS.has(name));
  return {
    key: names.key(subject),
    revision: seq,
    value: deleted ? undefined : Buffer.from(data, 'base64').toString(),
  };
}
