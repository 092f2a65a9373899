import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { agesIn } from './payload.ts';
import type { MakeReceiver, Receiver } from './receiver.ts';
import { HEADROOM } from './receiver.ts';

const READ_BYTES = 256 * 1024;
const NOTHING = Buffer.alloc(0);

/** All connections of a process read into this: a read is handled before the next one begins. */
const memory = Buffer.allocUnsafeSlow(HEADROOM + READ_BYTES);
const readInto = memory.subarray(HEADROOM);

/** Where the counts of all connections of a process add up. */
export interface Tally {
  messages: number;
  bytes: number;
  /** Ages of messages seen by the connections that look at them, in microseconds. */
  ages: number[];
}

/** What to open. */
export interface ConnectionOptions {
  readonly port: number;
  readonly room: string;
  readonly make: MakeReceiver;
  readonly tally: Tally;
  /** Whether this one looks at when its messages were sent. */
  readonly timed: boolean;
  /** Called when the connection ends without {@link RawConnection.drop} having been called. */
  readonly lost: (reason: string) => void;
}

/**
 * A subscriber that costs little and the same whatever it talks to: one socket, one shared buffer, no allocation a
 * message.
 */
export class RawConnection {
  /** Resolves when the subscription is in force. */
  readonly ready: Promise<void>;
  readonly #socket: Socket;
  readonly #receiver: Receiver;
  readonly #options: ConnectionOptions;
  #tail = NOTHING;
  #dropped = false;

  constructor(options: ConnectionOptions) {
    const { port, room, make, tally } = options;
    this.#options = options;
    this.#socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: { buffer: readInto, callback: (size) => this.#read(size) },
    });
    let outcome: { resolve(): void; reject(error: Error): void } | undefined;
    this.ready = new Promise((resolve, reject) => (outcome = { resolve, reject }));
    const lose = (reason: string): void => {
      if (this.#dropped) return;
      this.drop();
      outcome?.reject(new Error(reason));
      options.lost(reason);
    };
    this.#receiver = make({
      room,
      authority: `127.0.0.1:${port}`,
      send: (bytes) => void this.#socket.write(bytes),
      ready: () => outcome?.resolve(),
      fail: lose,
      count: (messages) => (tally.messages += messages),
    });
    this.#socket.on('connect', () => this.#receiver.greet());
    this.#socket.on('error', (error) => lose(error.message));
    this.#socket.on('close', () => lose('the server has closed the connection'));
    this.ready.catch(() => undefined);
  }

  /** Resolves when more may be sent. */
  async send(bytes: Buffer): Promise<void> {
    if (!this.#socket.write(bytes)) await once(this.#socket, 'drain');
  }

  /** Reads no more: what is sent to this subscriber piles up in front of it. */
  stall(): void {
    this.#socket.pause();
  }

  /** Ends the connection at once, without leaving a trace in the kernel. */
  drop(): void {
    this.#dropped = true;
    this.#socket.resetAndDestroy();
  }

  #read(size: number): boolean {
    const { tally, timed } = this.#options;
    const start = HEADROOM - this.#tail.length;
    const end = HEADROOM + size;
    if (this.#tail.length > 0) this.#tail.copy(memory, start);
    tally.bytes += size;
    if (timed) agesIn(memory, HEADROOM, end, (micros) => tally.ages.push(micros));
    const rest = this.#receiver.receive(memory, start, end);
    this.#tail = rest === end ? NOTHING : Buffer.from(memory.subarray(rest, end));
    return true;
  }
}
