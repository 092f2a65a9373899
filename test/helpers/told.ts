import type { CarrierListener } from '../../server/session/carrier.ts';

/** What a carrier has told, in order. */
export type Told = (keyof CarrierListener)[];

/** Notes what a carrier tells, and does nothing else. */
export function noting(told: Told): CarrierListener {
  const note = (what: keyof CarrierListener) => () => void told.push(what);
  return {
    received: note('received'),
    written: note('written'),
    progressed: note('progressed'),
    failed: note('failed'),
    halfClosed: note('halfClosed'),
    cancelled: note('cancelled'),
    closed: note('closed'),
  };
}
