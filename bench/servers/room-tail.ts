import { connect } from 'nats';
import { decodeClientFrame, encodeServerFrame } from '../../protos/live.ts';
import { reliableEntry } from '../../server/log/entry-codec.ts';

/*
 * What the floors have in common: as little as a server can do that hands the messages of NATS to viewers. Nothing is
 * stored, proven or replayed, and there are no cursors.
 */

/** Messages lie in blocks of this size; no write takes more than what is left of one. As large as the gateway's frames. */
const BLOCK_BYTES = 64 * 1024;

/** Encoded messages back to back. */
interface Block {
  readonly bytes: Buffer;
  length: number;
  next?: Block;
}

/** Hands bytes to a transport; `done` is called when it can take more. */
type Write = (bytes: Buffer, done: () => void) => void;

/** A viewer: a place in a room's blocks, and one write in flight. Blocks that all have left are garbage. */
class Viewer {
  #block: Block;
  #at: number;
  #writing = false;
  readonly #write: Write;
  readonly #written = (): void => {
    this.#writing = false;
    this.pump();
  };

  constructor(block: Block, write: Write) {
    this.#block = block;
    this.#at = block.length;
    this.#write = write;
  }

  /** Writes what has come since the last write, as it lies, unless that one is still under way. */
  pump(): void {
    if (this.#writing) return;
    if (this.#at === this.#block.length && this.#block.next !== undefined) {
      this.#block = this.#block.next;
      this.#at = 0;
    }
    const bytes = this.#block.bytes.subarray(this.#at, this.#block.length);
    if (bytes.length === 0) return;
    this.#at = this.#block.length;
    this.#writing = true;
    this.#write(bytes, this.#written);
  }
}

/** The end of a room: what some viewer has yet to be handed. */
class RoomTail {
  #newest: Block = { bytes: Buffer.allocUnsafe(BLOCK_BYTES), length: 0 };
  readonly #viewers = new Set<Viewer>();
  #pumping = false;

  append(message: Buffer): void {
    let block = this.#newest;
    if (block.length + message.length > BLOCK_BYTES) {
      block = { bytes: Buffer.allocUnsafe(BLOCK_BYTES), length: 0 };
      this.#newest.next = block;
      this.#newest = block;
    }
    message.copy(block.bytes, block.length);
    block.length += message.length;
    if (this.#pumping) return;
    this.#pumping = true;
    // What comes with the same read goes into the same write.
    setImmediate(() => {
      this.#pumping = false;
      for (const viewer of this.#viewers) viewer.pump();
    });
  }

  /** Adds a viewer of what comes from now on; returns what removes it. */
  join(write: Write): () => void {
    const viewer = new Viewer(this.#newest, write);
    this.#viewers.add(viewer);
    return () => void this.#viewers.delete(viewer);
  }
}

/** Rooms by name, each with a core subscription of its own. */
export class RoomTails {
  readonly #tails = new Map<string, Promise<RoomTail>>();
  readonly #open: (room: string) => Promise<RoomTail>;

  private constructor(open: (room: string) => Promise<RoomTail>) {
    this.#open = open;
  }

  /** @param wrap puts around an entry of `Batch.reliable` what is to lie around it in the blocks */
  static async connect(natsUrl: string, wrap: (room: string, entry: Buffer) => Buffer): Promise<RoomTails> {
    const nc = await connect({ servers: natsUrl });
    return new RoomTails(async (room) => {
      const tail = new RoomTail();
      let seq = 0;
      nc.subscribe(room, { callback: (_, { data }) => tail.append(wrap(room, entryOf(data, ++seq))) });
      await nc.flush();
      return tail;
    });
  }

  /** Adds a viewer to a room; resolves, when it will get all that comes, with what removes it. */
  async join(room: string, write: Write): Promise<() => void> {
    const tail = this.#tails.get(room) ?? this.#open(room);
    this.#tails.set(room, tail);
    return (await tail).join(write);
  }
}

function entryOf(payload: Uint8Array, seq: number): Buffer {
  const content = { id: '', type: '', sender: '', payload, headers: [] };
  const entry = reliableEntry({ seq, fingerprint: 1, content, timeMs: Date.now() }, seq - 1);
  const bytes = Buffer.allocUnsafe(entry.size);
  entry.write(bytes, 0);
  return bytes;
}

/** The room that a viewer's frame asks for, if it is a Join. */
export const joinedRoom = (frame: Buffer): string | undefined => decodeClientFrame(frame).join?.room;

/** What tells a viewer of the bench that its subscription is in force. */
export const caughtUp = (room: string): Buffer => encodeServerFrame({ caughtUp: { room } });
