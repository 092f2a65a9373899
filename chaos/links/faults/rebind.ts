import type { Fault } from '../fault.ts';
import { swallow } from './swallow.ts';

/**
 * The client's address changes mid-stream: a NAT gives it a new source port, or the phone moves to another network. The
 * server keeps a connection on which nothing comes any more and what it sends vanishes. The client learns of it with
 * the next byte it sends, which belongs to no connection and is answered by RST. Lasts as long as the link.
 */
export const rebind: Fault = {
  name: 'rebind',
  apply(link) {
    link.shape('up', async ({ input }) => {
      for await (const { segment } of input) {
        if (segment.kind === 'rst') link.endSwallowed('up');
        else link.reset('client');
      }
    });
    swallow(link, 'down');
  },
};
