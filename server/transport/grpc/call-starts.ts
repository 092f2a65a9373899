import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { Slices } from '../../../common/slices.ts';

interface Waiting {
  readonly stream: ServerHttp2Stream;
  readonly start: () => void;
  readonly closed: () => void;
}

/**
 * Starts calls in short stretches that yield to the event loop, the connections in turn: a call costs a tenth of a millisecond before it is so much as
 * refused, and one read may bring a thousand of them. What is reset before its turn costs no more than HTTP/2 itself.
 */
export class CallStarts {
  readonly #slices: Slices;
  /** Who has come by each connection, those that came first in front. The connection whose turn it is comes first. */
  readonly #lines = new Map<object, Waiting[]>();
  readonly #resetEarly: (session: ServerHttp2Session) => void;

  /**
   * See {@link Slices}.
   * @param resetEarly is told of a connection that has reset a call before its turn, at once
   */
  constructor(
    nowMs: () => number,
    defer: (fn: () => void) => void,
    resetEarly: (session: ServerHttp2Session) => void,
  ) {
    this.#resetEarly = resetEarly;
    this.#slices = new Slices(nowMs, defer, () => this.#startNext());
  }

  /** Starts the call of a stream when it is its turn, unless the stream is gone by then. */
  add(stream: ServerHttp2Stream, start: () => void): void {
    // Until it has started nobody else listens. It stays: an emitter from which the last listener of a kind was removed takes more memory.
    stream.on('error', ignore);
    const session = stream.session as ServerHttp2Session | undefined;
    if (session === undefined) return;
    const closed = (): void => this.#resetEarly(session);
    stream.on('close', closed);
    const line = this.#lines.get(session);
    if (line === undefined) this.#lines.set(session, [{ stream, start, closed }]);
    else line.push({ stream, start, closed });
    this.#slices.schedule();
  }

  #startNext(): boolean {
    const next = this.#take();
    if (next === undefined) return false;
    next.stream.off('close', next.closed);
    next.start();
    return this.#lines.size > 0;
  }

  /** The first of the first line, which goes to the end. */
  #take(): Waiting | undefined {
    for (const [connection, line] of this.#lines) {
      const next = line.find(({ stream }) => !isGone(stream));
      this.#lines.delete(connection);
      if (next === undefined) continue;
      line.splice(0, line.indexOf(next) + 1);
      if (line.length > 0) this.#lines.set(connection, line);
      return next;
    }
    return undefined;
  }
}

function isGone({ closed, destroyed, aborted, session }: ServerHttp2Stream): boolean {
  if (closed || destroyed || aborted) return true;
  if (session === undefined || session.destroyed) return true;
  // A socket may be gone before its session says so; one that was reset before anybody asked has no other end to name.
  return session.socket.destroyed || session.socket.remoteAddress === undefined;
}

function ignore(): void {
  // The stream's end is all that there is to know of it.
}
