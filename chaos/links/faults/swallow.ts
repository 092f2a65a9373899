import type { FaultyLink } from '../fault.ts';
import type { Direction } from '../segment.ts';

/** Nothing comes out of a direction for as long as the link lives: neither bytes nor the end of the connection. */
export function swallow(link: FaultyLink, direction: Direction): void {
  link.shape(direction, async ({ input }) => {
    for await (const { segment } of input) {
      if (segment.kind !== 'bytes') link.endSwallowed(direction);
    }
  });
}
