import type { StreamInfo } from 'nats';
import type { JetStreamApi } from '../connection/jetstream-api.ts';
import { JetStreamError } from '../connection/jetstream-api.ts';
import type { RequestOptions } from '../connection/requests.ts';

const STREAM_NOT_FOUND = 10059;

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
    if (error instanceof JetStreamError && error.code === STREAM_NOT_FOUND) return undefined;
    throw error;
  }
}
