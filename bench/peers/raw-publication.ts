import { RawConnection } from '../wire/connection.ts';
import type { MakeReceiver } from '../wire/receiver.ts';
import type { Publication } from './peer.ts';

/** A room that nobody publishes to. */
const NO_ROOM = 'publisher';

/**
 * Publishes over one raw connection; everything of a tick is one write.
 * @param make opens the connection as a subscriber would, and answers pings
 */
export async function rawPublication(
  port: number,
  make: MakeReceiver,
  encode: (room: string, payload: string) => Buffer,
): Promise<Publication> {
  let lost: string | undefined;
  const connection = new RawConnection({
    port,
    room: NO_ROOM,
    make,
    tally: { messages: 0, bytes: 0, ages: [] },
    timed: false,
    lost: (reason) => (lost = reason),
  });
  await connection.ready;
  let waiting: Buffer[] = [];
  return {
    send(room, payload) {
      waiting.push(encode(room, payload));
    },
    async flush() {
      if (lost !== undefined) throw new Error(`the publisher has lost its connection: ${lost}`);
      if (waiting.length === 0) return;
      const bytes = Buffer.concat(waiting);
      waiting = [];
      await connection.send(bytes);
    },
    close: () => connection.drop(),
  };
}
