import type { Clock } from '../../../common/clock.ts';
import { sleep } from '../../../common/sleep.ts';
import type { Logger } from '../../observability/logging.ts';
import type { NatsAccess } from '../access/access.ts';
import { whyRefused } from './greeting.ts';

/** When an outage is looked into for the first time, and how often at least afterwards; in milliseconds. */
const LOOK_MS = { first: 5_000, max: 60_000 };

/**
 * An outage has begun: as long as it lasts, the log says why each server takes no connection, once and whenever that changes. The NATS
 * client tells nobody.
 * @returns to be called when it is over
 */
export function explainOutage(access: NatsAccess, clock: Clock, logger: Logger): () => void {
  const over = new AbortController();
  void explain(access, clock, logger, over.signal);
  return () => over.abort();
}

async function explain(access: NatsAccess, clock: Clock, logger: Logger, over: AbortSignal): Promise<void> {
  const isOver = (): boolean => over.aborted;
  let said = '';
  for (let delayMs = LOOK_MS.first; ; delayMs = Math.min(delayMs * 2, LOOK_MS.max)) {
    await sleep(clock, delayMs, over);
    if (isOver()) return;
    const { reasons } = await whyRefused(access, 'takes connections', clock);
    const text = reasons.join('; ');
    if (text !== said && !isOver()) logger.warn({ reasons }, 'still no connection to NATS');
    said = text;
  }
}
