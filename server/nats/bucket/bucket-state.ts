import type { JetStreamApi } from '../connection/jetstream-api.ts';
import { JetStreamError } from '../connection/jetstream-api.ts';
import type { RequestOptions } from '../connection/requests.ts';

const STREAM_NOT_FOUND = 10059;
/** How long the leader may take to list all keys, in milliseconds. */
const LISTING: RequestOptions = { timeoutMs: 10_000 };

/** Whether the leader says that there is no such bucket. */
export const isMissing = (error: unknown): boolean =>
  error instanceof JetStreamError && error.code === STREAM_NOT_FOUND;

/** What the leader says of a bucket as a whole. */
export interface BucketState {
  /** When it was created. */
  readonly created: string;
  readonly lastRevision: number;
  /** Keys, those that were deleted included as long as that is remembered. */
  readonly keys: number;
}

/** A bucket, and the subjects of its keys. */
export interface BucketListing extends BucketState {
  readonly subjects: readonly string[];
}

/** What is used of the answer of `STREAM.INFO`. */
interface Info {
  readonly created: string;
  readonly state: {
    readonly last_seq: number;
    readonly num_subjects?: number;
    readonly subjects?: Readonly<Record<string, number>>;
  };
  /** Subjects altogether, where they come in pages. */
  readonly total?: number;
}

/**
 * Asks the leader of a bucket's stream; undefined: there is none.
 * @throws RequestError, JetStreamError
 */
export async function bucketState(
  api: JetStreamApi,
  stream: string,
  asking: RequestOptions,
): Promise<BucketState | undefined> {
  try {
    return stateOf(await api.ask<Info>(`STREAM.INFO.${stream}`, undefined, asking));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Has the leader list all keys. What is added meanwhile need not be among them, and has a later revision than the one that is named.
 * @throws RequestError, JetStreamError
 */
export async function listBucket(api: JetStreamApi, stream: string, filter: string): Promise<BucketListing> {
  const page = (offset: number): Promise<Info> =>
    api.ask<Info>(`STREAM.INFO.${stream}`, { subjects_filter: filter, offset }, LISTING);
  const first = await page(0);
  const subjects = subjectsOf(first);
  for (let more = subjects; more.length > 0 && subjects.length < (first.total ?? 0);) {
    more = subjectsOf(await page(subjects.length));
    subjects.push(...more);
  }
  return { ...stateOf(first), subjects };
}

const subjectsOf = ({ state }: Info): string[] => Object.keys(state.subjects ?? {});

const stateOf = ({ created, state }: Info): BucketState => ({
  created,
  lastRevision: state.last_seq,
  keys: state.num_subjects ?? 0,
});
