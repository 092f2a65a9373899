import type { Fault } from '../fault.ts';
import type { Shaper } from '../segment.ts';
import { aborted } from '../../../common/sleep.ts';

const hold: Shaper = ({ lifted }) => aborted(lifted);

/**
 * Everything is held back in both directions and passes in order when the fault is lifted: an interruption that TCP
 * survives by sending again. Senders feel it as backpressure once the buffers on the way are full.
 */
export const stall: Fault = {
  name: 'stall',
  apply(link, lifted) {
    link.shape('up', hold, lifted);
    link.shape('down', hold, lifted);
  },
};
