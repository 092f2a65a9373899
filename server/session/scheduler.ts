/** Something that has work to do when its turn comes. */
export interface Task {
  run(): void;
}

/**
 * Longest stretch of work before other events get their turn, in milliseconds. Node hands what was written to the sockets only
 * then, so that it is also how long the first of a stretch waits for the last: 4 ms doubled the latency of a busy gateway.
 */
const SLICE_MS = 1;

/** Told how the work goes. */
export interface SchedulerListener {
  /** A stretch of work is over. */
  yielded(): void;
  /** Everybody who waited when the pass began has had a turn, so many milliseconds later. */
  passed(ms: number): void;
}

const NOBODY: SchedulerListener = { yielded: () => undefined, passed: () => undefined };

/** Those that wait when it begins, up to `end` of the queue. */
interface Pass {
  readonly end: number;
  readonly sinceMs: number;
}

/**
 * Runs tasks in the order they asked, in short stretches that yield to the event loop: while a large room is
 * written to, new messages come in, and whoever is written to later gets them in the same frame.
 */
export class Scheduler {
  readonly #nowMs: () => number;
  readonly #defer: (fn: () => void) => void;
  readonly #listener: SchedulerListener;
  #pass: Pass | undefined;
  #queue: Task[] = [];
  #next = 0;
  #scheduled = false;

  /**
   * @param nowMs a monotonic clock, in milliseconds
   * @param defer calls a function after pending input has been read (`setImmediate`)
   */
  constructor(nowMs: () => number, defer: (fn: () => void) => void, listener = NOBODY) {
    this.#listener = listener;
    this.#nowMs = nowMs;
    this.#defer = defer;
  }

  /** Whether tasks wait for their turn. */
  get busy(): boolean {
    return this.#scheduled;
  }

  /** Gives a task a turn. Asking twice gives two turns: tasks remember that they are queued. */
  enqueue(task: Task): void {
    this.#queue.push(task);
    if (!this.#scheduled) this.#schedule();
  }

  #schedule(): void {
    this.#scheduled = true;
    this.#defer(() => this.#runSlice());
  }

  #runSlice(): void {
    this.#scheduled = false;
    if (this.#queue.length === 0) return;
    const beganMs = this.#nowMs();
    const until = beganMs + SLICE_MS;
    this.#pass ??= { end: this.#queue.length, sinceMs: beganMs };
    while (this.#next < this.#queue.length) {
      (this.#queue[this.#next++] as Task).run();
      // One task may take as long as compressing a frame does.
      if (this.#nowMs() >= until) break;
    }
    this.#listener.yielded();
    if (this.#next >= this.#pass.end) this.#endPass(this.#pass);
    if (this.#next < this.#queue.length) return this.#schedule();
    this.#queue = [];
    this.#next = 0;
  }

  #endPass({ sinceMs }: Pass): void {
    this.#pass = undefined;
    this.#listener.passed(this.#nowMs() - sinceMs);
  }
}
