import type { Clock } from '../../common/clock.ts';
import type { UserLimits } from '../../server/session/user-rates.ts';
import { UserRates } from '../../server/session/user-rates.ts';

/** Rates under which every user may do any number of anything, but for what is said. */
export function unlimited(clock: Clock, limits: Partial<UserLimits> = {}): UserRates {
  const any = { join: Infinity, read: Infinity, publish: Infinity, ephemeral: Infinity };
  return new UserRates({ ...any, ...limits }, clock);
}
