import type { UpstreamCause } from '../core/upstream-state.ts';
import { JetStreamError } from './jetstream-api.ts';
import { RequestError } from './requests.ts';

const CAUSES: ReadonlyMap<number, UpstreamCause> = new Map([
  [10008, 'JETSTREAM_UNAVAILABLE'], // no leader yet
  [10009, 'JETSTREAM_UNAVAILABLE'], // not the leader any more
  [10039, 'JETSTREAM_UNAVAILABLE'], // not enabled for the account
  [10076, 'JETSTREAM_UNAVAILABLE'], // not enabled
  [10059, 'STREAM_MISSING'],
]);

/**
 * What is wrong with NATS when a question about the stream fails like this: `READS_FAILING` if nothing worse is known. Undefined when there is no
 * connection, which is told anyway.
 */
export function causeOf(error: unknown): UpstreamCause | undefined {
  if (error instanceof JetStreamError) return CAUSES.get(error.code) ?? 'READS_FAILING';
  if (!(error instanceof RequestError)) return 'READS_FAILING';
  switch (error.kind) {
    case 'away':
      return undefined;
    case 'unserved':
    case 'unanswered':
      return 'JETSTREAM_UNAVAILABLE';
    case 'forbidden':
      return 'READS_FAILING';
  }
}
