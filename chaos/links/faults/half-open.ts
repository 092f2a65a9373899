import type { Fault } from '../fault.ts';
import { swallow } from './swallow.ts';

/**
 * The path forgets the connection: a NAT or firewall on the way lost its state. Whatever either end sends vanishes,
 * its FIN and RST too, and nobody is told. This lasts as long as the link, lifted or not: bytes that were swallowed do
 * not come back, so passing later ones would be a corruption that no network shows. Healing concerns new connections.
 * A path that is only interrupted, where TCP sends again what was lost, is `stall`.
 */
export const halfOpen: Fault = {
  name: 'half-open',
  apply(link) {
    swallow(link, 'up');
    swallow(link, 'down');
  },
};
