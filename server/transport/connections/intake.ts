/** Longest stretch of work before other events get their turn, in milliseconds. */
const SLICE_MS = 1;
/**
 * While viewers wait to be written to, so many times as long as a stretch has taken passes before the next. One that was interrupted, by a collection of garbage or whatever else takes long,
 * is not made up for: everybody's joins and publishes would wait.
 */
const REST = 9;
const LONGEST_REST_MS = 20;

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
}

/** While more than this many things of a connection wait nothing more of it is read: what it sends then waits where it costs nobody anything. */
const MOST_WAITING = 64;
/** With so many it is read again. */
const FEW_WAITING = 16;

/** With every so many that wait in a line, those that are gone are taken out: their connection may have to be stopped while what it has sent is read. */
const LOOK_AT = 64;

/** A connection, of whatever kind. */
export interface Connection {
  readonly destroyed: boolean;
}

/** Has nothing more read of a connection, or goes on; it may go on by itself. */
export type Reading<C extends Connection> = (connection: C, on: boolean) => void;

/** What is begun with when its turn comes; not if it is gone by then. */
export interface Waiting {
  readonly isGone: () => boolean;
  readonly begin: () => void;
  /** It is gone, and nobody has been told. */
  readonly drop: () => void;
}

/** What is read frame by frame. */
export interface Readable {
  startRead(): void;
}

/**
 * Where everything waits that clients ask for, by whatever transport: calls to be begun with, and frames to be read. One read of a connection may bring thousands of either, and each
 * costs a tenth of a millisecond before it is so much as refused. So there is a line for each connection, they take turns, and what is done of them in a turn of the event loop is
 * little: while viewers wait to be written to, a tenth of the time.
 */
export class Intake {
  readonly #dependencies: IntakeDependencies;
  /** What has come by each connection, the first in front. The connection whose turn it is comes first. */
  readonly #lines = new Map<Connection, Waiting[]>();
  #scheduled = false;
  /** Connections of which nothing is read for now, and how they are read. */
  readonly #stopped = new Map<Connection, (on: boolean) => void>();
  /** When the stretch that is under way, or was last, began. */
  #beganMs = 0;
  /** While viewers wait, the next one begins no sooner. */
  #nextMs = 0;
  /** When a frame was first read at once in this turn of the event loop. */
  #readingSinceMs: number | undefined;

  constructor(dependencies: IntakeDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Has a connection's next frame read: at once as long as there is little to do in this turn of the event loop, but never by recursion, which is how a transport would hand
   * over what has come with the frame before.
   */
  read<C extends Connection>(connection: C, readable: Readable, reading: Reading<C>): void {
    if (this.#lines.size === 0 && this.#mayReadAtOnce()) process.nextTick(startRead, readable);
    else
      this.enter(
        connection,
        { isGone: () => connection.destroyed, begin: () => readable.startRead(), drop: ignore },
        reading,
      );
  }

  /** Begins with something that has come by a connection when it is its turn. */
  enter<C extends Connection>(connection: C, waiting: Waiting, reading: Reading<C>): void {
    const line = this.#lines.get(connection);
    if (line === undefined) this.#lines.set(connection, [waiting]);
    else if (line.push(waiting) % LOOK_AT === 0) this.#crowded(connection, withoutGone(line), reading);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule();
  }

  #mayReadAtOnce(): boolean {
    const { nowMs, defer } = this.#dependencies;
    if (this.#readingSinceMs !== undefined) return nowMs() - this.#readingSinceMs < SLICE_MS;
    this.#readingSinceMs = nowMs();
    defer(() => (this.#readingSinceMs = undefined));
    return true;
  }

  #crowded<C extends Connection>(connection: C, line: Waiting[], reading: Reading<C>): void {
    this.#lines.set(connection, line);
    if (line.length < MOST_WAITING) return;
    this.#stopped.set(connection, (on) => reading(connection, on));
    reading(connection, false);
  }

  #goOn(connection: Connection): void {
    const reading = this.#stopped.get(connection);
    this.#stopped.delete(connection);
    reading?.(true);
  }

  #schedule(): void {
    const { nowMs, defer, viewersWait } = this.#dependencies;
    defer(() => {
      for (const reading of this.#stopped.values()) reading(false);
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
      this.#nextMs = nowMs + Math.min(REST * tookMs, LONGEST_REST_MS);
      if (tookMs < SLICE_MS) this.#next();
      else this.#schedule();
    });
  }

  /** The first of the first line, which goes to the end. */
  #take(): Waiting | undefined {
    for (const [connection, line] of this.#lines) {
      const at = line.findIndex(({ isGone }) => !isGone());
      const next = line[at];
      this.#lines.delete(connection);
      if (next === undefined) {
        this.#goOn(connection);
        continue;
      }
      line.splice(0, at + 1);
      if (line.length > 0) this.#lines.set(connection, line);
      if (line.length <= FEW_WAITING) this.#goOn(connection);
      return next;
    }
    return undefined;
  }
}

/** See {@link IntakeDependencies.settled}: what comes after all microtasks. */
export function settled(fn: () => void): void {
  queueMicrotask(() => process.nextTick(fn));
}

/** Has the next frame read, to be called in a turn of its own (`process.nextTick`). */
export function startRead(readable: Readable): void {
  readable.startRead();
}

function withoutGone(line: readonly Waiting[]): Waiting[] {
  return line.filter((waiting) => {
    const gone = waiting.isGone();
    if (gone) waiting.drop();
    return !gone;
  });
}

function ignore(): void {
  // Nobody waits for it.
}
