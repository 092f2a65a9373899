import type { StreamInfo } from 'nats';
import type { JetStreamApi } from '../connection/jetstream-api.ts';
import { JetStreamError } from '../connection/jetstream-api.ts';
import type { RequestOptions } from '../connection/requests.ts';

const STREAM_NOT_FOUND = 10059;

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
    const { created, state } = await api.ask<StreamInfo>(`STREAM.INFO.${stream}`, undefined, asking);
    return { created, lastRevision: state.last_seq, keys: state.num_subjects ?? 0 };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
