import type { Clock } from '../../common/clock.ts';
import { UserRates } from '../../server/session/user-rates.ts';

/** Rates under which every user may do any number of anything. */
export function unlimited(clock: Clock): UserRates {
  return new UserRates({ join: Infinity, read: Infinity, publish: Infinity, ephemeral: Infinity }, clock);
}
