import type { Fault } from '../fault.ts';

/** Both ends are told in order that the other has finished (FIN), after the bytes in flight. */
export const fin: Fault = {
  name: 'fin',
  apply(link) {
    link.finish('client');
    link.finish('server');
  },
};
