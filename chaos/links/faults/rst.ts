import type { Fault } from '../fault.ts';

/** Both ends are told at once that the connection is gone (RST); bytes in flight are lost. */
export const rst: Fault = {
  name: 'rst',
  apply(link) {
    link.reset('client');
    link.reset('server');
  },
};
