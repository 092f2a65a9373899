import type { Http2Session, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';

/** Longest stretch of work before other events get their turn, in milliseconds. */
const SLICE_MS = 1;
/** While viewers wait to be written to, so many times as long as a stretch has taken passes before the next. */
const REST = 9;

/** What the intake depends on. */
export interface IntakeDependencies {
  /** A monotonic clock, in milliseconds. */
  readonly nowMs: () => number;
  /** Calls a function after pending input has been read (`setImmediate`). */
  readonly defer: (fn: () => void) => void;
  /** Calls a function when all that has been begun with has come as far as it can without waiting. */
  readonly settled: (fn: () => void) => void;
  /** Whether there is something to be written to viewers now. */
  readonly viewersWait: () => boolean;
  /** Is told of a connection that has reset a call before its turn, at once. */
  readonly resetEarly: (session: ServerHttp2Session) => void;
  /** Has nothing more read of a connection, or goes on. HTTP/2 may go on by itself. */
  readonly reading: (session: Http2Session, on: boolean) => void;
}

/** While more than this many calls of a connection wait nothing more of it is read: what it sends then waits where it costs nobody anything. */
const MOST_WAITING = 64;
/** With so many it is read again. */
const FEW_WAITING = 16;

/** With every so many that wait in a line, those that are gone are taken out: their connection may have to be stopped while what it has sent is read. */
const LOOK_AT = 64;

/** What is begun with when its turn comes; not if it is gone by then. */
interface Waiting {
  readonly isGone: () => boolean;
  readonly begin: () => void;
  /** It is gone, and nobody has been told. */
  readonly drop: () => void;
}

/** A call as gRPC reads it, frame by frame. */
export interface ReadableCall {
  startRead(): void;
}

/**
 * Where everything waits that clients ask for: calls to be begun with, and frames to be read. One read of a connection may bring thousands of either, and each costs a tenth
 * of a millisecond before it is so much as refused. So there is a line for each connection, they take turns, and what is done of them in a turn of the event loop is
 * little: while viewers wait to be written to, a tenth of the time. What is reset before its turn costs no more than HTTP/2 itself.
 */
export class Intake {
  readonly #dependencies: IntakeDependencies;
  /** What has come by each connection, the first in front. The connection whose turn it is comes first. */
  readonly #lines = new Map<Http2Session, Waiting[]>();
  #scheduled = false;
  /** Connections of which nothing is read for now. */
  readonly #stopped = new Set<Http2Session>();
  /** When the stretch that is under way, or was last, began. */
  #beganMs = 0;
  /** While viewers wait, the next one begins no sooner. */
  #nextMs = 0;
  /** When a frame was first read at once in this turn of the event loop. */
  #readingSinceMs: number | undefined;

  constructor(dependencies: IntakeDependencies) {
    this.#dependencies = dependencies;
  }

  /** Begins with the call of a stream when it is its turn, unless the stream is gone by then. */
  start(stream: ServerHttp2Stream, start: () => void): void {
    // Until it has started nobody else listens. It stays: an emitter from which the last listener of a kind was removed takes more memory.
    stream.on('error', ignore);
    const session = stream.session as ServerHttp2Session | undefined;
    if (session === undefined) return;
    const closed = (): void => this.#dependencies.resetEarly(session);
    stream.on('close', closed);
    this.#enter(session, {
      isGone: () => isGone(stream),
      begin: () => {
        stream.off('close', closed);
        start();
      },
      drop: () => {
        stream.off('close', closed);
        closed();
      },
    });
  }

  /**
   * Has a call read its next frame: at once as long as there is little to do in this turn of the event loop, but never by recursion, which is how gRPC would hand
   * over what has come with the frame before.
   */
  read(session: Http2Session, call: ReadableCall): void {
    if (this.#lines.size === 0 && this.#mayReadAtOnce()) process.nextTick(startRead, call);
    else
      this.#enter(session, { isGone: () => session.destroyed, begin: () => call.startRead(), drop: ignore });
  }

  #mayReadAtOnce(): boolean {
    const { nowMs, defer } = this.#dependencies;
    if (this.#readingSinceMs !== undefined) return nowMs() - this.#readingSinceMs < SLICE_MS;
    this.#readingSinceMs = nowMs();
    defer(() => (this.#readingSinceMs = undefined));
    return true;
  }

  #enter(session: Http2Session, waiting: Waiting): void {
    const line = this.#lines.get(session);
    if (line === undefined) this.#lines.set(session, [waiting]);
    else if (line.push(waiting) % LOOK_AT === 0) this.#crowded(session, withoutGone(line));
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule();
  }

  #crowded(session: Http2Session, line: Waiting[]): void {
    this.#lines.set(session, line);
    if (line.length < MOST_WAITING) return;
    this.#stopped.add(session);
    this.#dependencies.reading(session, false);
  }

  #schedule(): void {
    const { nowMs, defer, viewersWait, reading } = this.#dependencies;
    defer(() => {
      for (const session of this.#stopped) reading(session, false);
      const now = nowMs();
      if (now < this.#nextMs && viewersWait()) return this.#schedule();
      this.#beganMs = now;
      this.#next();
    });
  }

  #next(): void {
    const next = this.#take();
    if (next === undefined) {
      this.#scheduled = false;
      return;
    }
    next.begin();
    // Most of what a frame costs comes after it was read, in microtasks.
    this.#dependencies.settled(() => {
      const nowMs = this.#dependencies.nowMs();
      const tookMs = nowMs - this.#beganMs;
      this.#nextMs = nowMs + REST * tookMs;
      if (tookMs < SLICE_MS) this.#next();
      else this.#schedule();
    });
  }

  /** The first of the first line, which goes to the end. */
  #take(): Waiting | undefined {
    for (const [session, line] of this.#lines) {
      const at = line.findIndex(({ isGone }) => !isGone());
      const next = line[at];
      this.#lines.delete(session);
      if (next === undefined) {
        if (this.#stopped.delete(session)) this.#dependencies.reading(session, true);
        continue;
      }
      line.splice(0, at + 1);
      if (line.length > 0) this.#lines.set(session, line);
      if (line.length <= FEW_WAITING && this.#stopped.delete(session))
        this.#dependencies.reading(session, true);
      return next;
    }
    return undefined;
  }
}

/** See {@link IntakeDependencies.settled}: what comes after all microtasks. */
export function settled(fn: () => void): void {
  queueMicrotask(() => process.nextTick(fn));
}

function startRead(call: ReadableCall): void {
  call.startRead();
}

function isGone({ closed, destroyed, aborted, session }: ServerHttp2Stream): boolean {
  if (closed || destroyed || aborted) return true;
  if (session === undefined || session.destroyed) return true;
  // A socket may be gone before its session says so; one that was reset before anybody asked has no other end to name.
  return session.socket.destroyed || session.socket.remoteAddress === undefined;
}

function withoutGone(line: readonly Waiting[]): Waiting[] {
  return line.filter((waiting) => {
    const gone = waiting.isGone();
    if (gone) waiting.drop();
    return !gone;
  });
}

function ignore(): void {
  // The stream's end is all that there is to know of it.
}
