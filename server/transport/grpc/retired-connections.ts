import type { ServerHttp2Session } from 'node:http2';
import type { Clock, Timer } from '../../../common/clock.ts';

const LOOK_MS = 250;
/** More than viewers say in that time, in bytes: who obeys GOAWAY opens no more streams, and what is left acknowledges and is silent. */
const MOST_BYTES = 64 * 1024;

/** What is needed to know and to do of a connection. */
export interface ConnectionAccess {
  /** Bytes that have come by it. */
  bytesRead(session: ServerHttp2Session): number;
  /** Reads nothing more of it, or goes on. */
  read(session: ServerHttp2Session, on: boolean): void;
}

/**
 * Connections that take no more streams (GOAWAY, NO_ERROR) because of one that was on them, and keep those that they have: behind a proxy these are other viewers'. One
 * that goes on sending much all the same is ended.
 */
export class RetiredConnections {
  readonly #access: ConnectionAccess;
  /** How much had come by each when it was last looked at, in bytes. */
  readonly #bytes = new Map<ServerHttp2Session, number>();
  readonly #timer: Timer;

  constructor(clock: Clock, access: ConnectionAccess) {
    this.#access = access;
    this.#timer = clock.every(LOOK_MS, () => this.#look());
  }

  retire(session: ServerHttp2Session): void {
    if (session.closed || session.destroyed) return;
    // What is being read of it may be followed at once by megabytes of the same: not before others had their turn.
    this.#access.read(session, false);
    setImmediate(() => this.#access.read(session, true));
    this.#bytes.set(session, this.#access.bytesRead(session));
    session.close();
  }

  close(): void {
    this.#timer.cancel();
    this.#bytes.clear();
  }

  #look(): void {
    for (const [session, before] of this.#bytes) {
      if (session.destroyed) {
        this.#bytes.delete(session);
        continue;
      }
      const bytes = this.#access.bytesRead(session);
      this.#bytes.set(session, bytes);
      if (bytes - before > MOST_BYTES) session.destroy();
    }
  }
}
