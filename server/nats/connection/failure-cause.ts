import type { UpstreamCause } from '../../upstream/upstream-cause.ts';
import { JetStreamError } from './jetstream-api.ts';
import { RequestError } from './requests.ts';

/** What is wrong with NATS. */
export interface FailureCause {
  readonly cause: UpstreamCause;
  /** For operators: what exactly, and what to do about it. */
  readonly detail: string;
}

const NOT_ENABLED =
  'JetStream is not enabled for this account or server: enable it (jetstream), or check --nats and --js-domain';
const NO_LEADER = 'JetStream or the stream has no leader: the cluster needs a majority of its servers';

/** By `err_code`. */
const JETSTREAM_CAUSES: ReadonlyMap<number, FailureCause> = new Map<number, FailureCause>([
  [10008, { cause: 'JETSTREAM_UNAVAILABLE', detail: NO_LEADER }],
  [10009, { cause: 'JETSTREAM_UNAVAILABLE', detail: NO_LEADER }],
  [10039, { cause: 'JETSTREAM_UNAVAILABLE', detail: NOT_ENABLED }],
  [10076, { cause: 'JETSTREAM_UNAVAILABLE', detail: NOT_ENABLED }],
  [
    10059,
    {
      cause: 'STREAM_MISSING',
      detail: 'the stream does not exist: restore it, or start a gateway, which creates it if there is none',
    },
  ],
]);

/**
 * What is wrong with NATS when a question about the stream fails like this: `READS_FAILING` if nothing worse is known. Undefined when
 * there is no connection, which is told anyway.
 */
export function failureCauseOf(error: unknown): FailureCause | undefined {
  const detail = error instanceof Error ? error.message : String(error);
  if (error instanceof JetStreamError)
    return JETSTREAM_CAUSES.get(error.code) ?? { cause: 'READS_FAILING', detail };
  if (!(error instanceof RequestError)) return { cause: 'READS_FAILING', detail };
  switch (error.kind) {
    case 'disconnected':
      return undefined;
    case 'no-responders':
      return { cause: 'JETSTREAM_UNAVAILABLE', detail: `${NOT_ENABLED} (${detail})` };
    case 'timeout':
      return {
        cause: 'JETSTREAM_UNAVAILABLE',
        detail: `the leader of the stream does not answer (${detail})`,
      };
    case 'forbidden':
      return { cause: 'READS_FAILING', detail };
  }
}
