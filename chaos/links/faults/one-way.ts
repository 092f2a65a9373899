import type { Fault } from '../fault.ts';
import type { Direction } from '../segment.ts';
import { swallow } from './swallow.ts';

/** Like `halfOpen`, in one direction only; for the same reason it lasts as long as the link. */
export function oneWay(direction: Direction): Fault {
  return {
    name: 'one-way',
    apply: (link) => swallow(link, direction),
  };
}
