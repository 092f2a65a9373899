import type { Socket } from 'node:net';
import { resetSocket } from '../../common/node/reset-socket.ts';
import type { Clock } from '../../common/clock.ts';
import type { Fault, FaultHandle, FaultyLink, Side } from './fault.ts';
import { Pipe } from './pipe.ts';
import type { Direction, Shaper } from './segment.ts';

/** What a link depends on. */
export interface LinkDependencies {
  /** How many connections the proxy had accepted before this one. */
  readonly index: number;
  readonly client: Socket;
  readonly server: Socket;
  readonly clock: Clock;
  /** Told when a shaper throws; the link is reset then. */
  readonly onError: (error: unknown) => void;
}

/** One connection through the proxy. It never ends by itself: it passes on what its two ends do, and obeys its faults. */
export class Link implements FaultyLink {
  readonly index: number;
  readonly clock: Clock;
  /** Resolves when both sockets are closed. */
  readonly ended: Promise<void>;
  readonly bytes: { readonly up: Pipe; readonly down: Pipe };
  readonly #sockets: Readonly<Record<Side, Socket>>;
  readonly #onError: (error: unknown) => void;
  readonly #end = new AbortController();
  readonly #faults = new Set<AbortController>();
  readonly #swallowedEnds = new Set<Direction>();

  constructor({ index, client, server, clock, onError }: LinkDependencies) {
    this.index = index;
    this.clock = clock;
    this.#onError = onError;
    this.#sockets = { client, server };
    this.bytes = { up: new Pipe(client, server, clock), down: new Pipe(server, client, clock) };
    this.ended = Promise.all([closeOf(client), closeOf(server)]).then(() => this.#liftAll());
  }

  /** Sockets of this link that are not closed yet: 0, 1 or 2. A half-open link may have one. */
  get openSockets(): number {
    return Object.values(this.#sockets).filter((socket) => !socket.closed).length;
  }

  apply(fault: Fault): FaultHandle {
    const lifted = new AbortController();
    this.#faults.add(lifted);
    fault.apply(this, lifted.signal);
    return {
      fault: fault.name,
      lift: () => {
        this.#faults.delete(lifted);
        lifted.abort();
      },
    };
  }

  shape(direction: Direction, shaper: Shaper, lifted: AbortSignal = this.#end.signal): void {
    this.bytes[direction].shape(shaper, lifted).catch((error: unknown) => {
      this.#onError(error);
      this.destroy();
    });
  }

  reset(side: Side): void {
    resetSocket(this.#sockets[side]);
  }

  finish(side: Side): void {
    void this.bytes[side === 'client' ? 'down' : 'up'].enter({ kind: 'fin' });
  }

  endSwallowed(direction: Direction): void {
    this.#swallowedEnds.add(direction);
    if (this.#swallowedEnds.size === 2) this.destroy();
  }

  /** Closes both sockets at once and lifts every fault. */
  destroy(): void {
    this.#sockets.client.destroy();
    this.#sockets.server.destroy();
    this.#liftAll();
  }

  #liftAll(): void {
    this.#end.abort();
    for (const lifted of this.#faults) lifted.abort();
    this.#faults.clear();
  }
}

function closeOf(socket: Socket): Promise<void> {
  // A socket reports an error and then closes; the close is what counts.
  socket.on('error', () => undefined);
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}
