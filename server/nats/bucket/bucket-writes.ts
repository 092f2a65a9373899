import type { StreamConfig } from 'nats';
import { DiscardPolicy, headers, nanos, RetentionPolicy, StorageType } from 'nats';
import { BucketError } from '../../upstream/bucket.ts';
import type { NatsConnection } from '../connection/connection.ts';
import type { JetStreamApi } from '../connection/jetstream-api.ts';
import { JetStreamError } from '../connection/jetstream-api.ts';
import type { RequestOptions, Requests } from '../connection/requests.ts';
import { DEFAULT_API } from '../connection/subjects.ts';
import { answererOf, parseAck } from '../publish/pub-ack.ts';
import type { BucketNames } from './bucket-names.ts';

const STREAM_NAME_IN_USE = 10058;
const DUPLICATE_WINDOW_MS = 120_000;
/** Nothing is ever stored there. */
const PROBE_KEY = 'probe';
const ASKING: RequestOptions = { timeoutMs: 4_000 };

/** What writing to a bucket depends on. */
export interface BucketWritesDependencies {
  readonly connection: Pick<NatsConnection, 'nc' | 'sync'>;
  readonly requests: Requests;
  readonly api: JetStreamApi;
  readonly names: BucketNames;
  /** Copies of the bucket, if it has to be made. */
  readonly replicas: number;
}

/** A bucket as other clients of NATS make it: the last value of each key, on disk. */
export function bucketConfig(names: BucketNames, replicas: number): Partial<StreamConfig> & { name: string } {
  return {
    name: names.stream,
    subjects: [names.subjects],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_msgs_per_subject: 1,
    max_age: 0,
    max_bytes: -1,
    max_msgs: -1,
    max_msg_size: -1,
    max_consumers: -1,
    num_replicas: replicas,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    allow_direct: true,
    allow_rollup_hdrs: true,
    deny_delete: true,
  };
}

/** Writes to a bucket, and makes it. */
export class BucketWrites {
  readonly #dependencies: BucketWritesDependencies;

  constructor(dependencies: BucketWritesDependencies) {
    this.#dependencies = dependencies;
  }

  /** Whether the account may write to it. Stores nothing: a server refuses what is meant for another stream. */
  async mayWrite(): Promise<boolean> {
    const { connection, names } = this.#dependencies;
    const refused = headers();
    refused.set('Nats-Expected-Stream', `not-${names.stream}`);
    connection.nc.publish(this.#address(PROBE_KEY), '', { headers: refused });
    const errors = await connection.sync();
    return !errors.some(({ operation }) => operation === 'publish');
  }

  /**
   * Stores a value.
   * @returns its revision
   * @throws RequestError, JetStreamError, BucketError
   */
  async store(key: string, value: string, how: RequestOptions): Promise<number> {
    const { requests, names } = this.#dependencies;
    const subject = this.#address(key);
    const ack = parseAck((await requests.ask(subject, Buffer.from(value), { ...ASKING, ...how })).data);
    if (ack.error !== undefined)
      throw new JetStreamError(ack.error.err_code ?? 0, ack.error.description ?? 'no description');
    if (ack.stream !== names.stream)
      throw new BucketError('forbidden', `${answererOf(ack)} stores ${subject}: take the subject from it`);
    return ack.seq ?? 0;
  }

  /**
   * Makes the bucket, unless there is one.
   * @throws RequestError, JetStreamError
   */
  async create(): Promise<void> {
    const { api, names, replicas } = this.#dependencies;
    try {
      await api.ask(`STREAM.CREATE.${names.stream}`, bucketConfig(names, replicas));
    } catch (error) {
      // Another gateway's may be older, with another configuration; that it is there is enough.
      if (!(error instanceof JetStreamError && error.code === STREAM_NAME_IN_USE)) throw error;
    }
  }

  /** The bucket of another JetStream domain is written to by way of its API: servers keep the subjects of buckets to themselves. */
  #address(key: string): string {
    const { api, names } = this.#dependencies;
    const subject = names.subject(key);
    return api.prefix === DEFAULT_API ? subject : `${api.prefix}.${subject}`;
  }
}
