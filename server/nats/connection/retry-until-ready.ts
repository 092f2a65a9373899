import { ErrorCode, NatsError } from 'nats';
import type { Clock } from '../../../common/clock.ts';
import { sleep } from '../../../common/sleep.ts';
import type { Logger } from '../../observability/logging.ts';
import { failureCauseOf } from './failure-cause.ts';
import { JetStreamError } from './jetstream-api.ts';
import { RequestError } from './requests.ts';

/** How long a starting gateway waits for what may pass, and how often it looks, in milliseconds. */
const TIMEOUT_MS = 30_000;
const RETRY_MS = 500;

/** While a cluster comes together or elects a leader: not available, not the leader, or too few peers for the copies. */
const PASSING: ReadonlySet<number> = new Set([10005, 10008, 10009]);

/** What stands in a gateway's way passes, or may do so. */
export class NotReadyError extends Error {
  override readonly name = 'NotReadyError';
}

/**
 * Does a step of the start, again and again while what stands in its way may pass; the log says what is waited for.
 * @param remote whether JetStream is reached by way of other servers, whose links may still be coming up
 * @throws an error that says what stands in the way and what to do, at once if that will not pass, else after half a minute
 */
export async function retryUntilReady<T>(
  clock: Clock,
  logger: Logger,
  remote: boolean,
  step: () => Promise<T>,
): Promise<T> {
  const giveUpMs = clock.monotonicMs() + TIMEOUT_MS;
  let said = '';
  for (;;) {
    try {
      return await step();
    } catch (error) {
      const known = fromNats(error);
      if (!mayPass(known, remote) || clock.monotonicMs() >= giveUpMs) throw explain(known);
      const reason = explain(known).message;
      if (reason !== said) logger.warn({ reason }, 'JetStream is not ready yet, trying again');
      said = reason;
      await sleep(clock, RETRY_MS, new AbortController().signal);
    }
  }
}

function mayPass(error: unknown, remote: boolean): boolean {
  if (error instanceof NotReadyError) return true;
  if (error instanceof JetStreamError) return PASSING.has(error.code);
  if (!(error instanceof RequestError)) return false;
  return (
    error.kind === 'disconnected' || error.kind === 'timeout' || (remote && error.kind === 'no-responders')
  );
}

function explain(error: unknown): Error {
  if (!(error instanceof JetStreamError || error instanceof RequestError)) return error as Error;
  return new Error(failureCauseOf(error)?.detail ?? error.message, { cause: error });
}

/** The errors of the NATS client's own calls in our terms. */
function fromNats(error: unknown): unknown {
  if (!(error instanceof NatsError)) return error;
  const { code, message, api_error: answer } = error;
  if (answer !== undefined) return new JetStreamError(answer.err_code ?? 0, answer.description);
  switch (code) {
    case ErrorCode.Timeout.toString():
      return new RequestError('timeout', 'JetStream does not answer');
    case ErrorCode.NoResponders.toString():
      return new RequestError('no-responders', 'nobody answers for JetStream');
    case ErrorCode.PermissionsViolation.toString():
      return new RequestError('forbidden', `a permission is missing: ${message}`);
    default:
      return error;
  }
}
