/** Something that has work to do when its turn comes. */
export interface Task {
  run(): void;
}

/**
 * Longest stretch of work before other events get their turn, in milliseconds. Node hands what was written to the sockets only
 * then, so that it is also how long the first of a stretch waits for the last: 4 ms doubled the latency of a busy gateway.
 */
const SLICE_MS = 1;
/** Where other events take long, because somebody sends without end, a stretch is so many times as long as they took, and at most so long. */
const SHARE = 1.5;
const LONGEST_SLICE_MS = 10;

/**
 * Runs tasks in the order they asked, in short stretches that yield to the event loop: while a large room is
 * written to, new messages come in, and whoever is written to later gets them in the same frame.
 */
export class Scheduler {
  readonly #nowMs: () => number;
  readonly #defer: (fn: () => void) => void;
  #queue: Task[] = [];
  #next = 0;
  #scheduled = false;
  /** When the stretch before this one began, and when it ended. */
  #beganMs = 0;
  #endedMs = 0;

  /**
   * @param nowMs a monotonic clock, in milliseconds
   * @param defer calls a function after pending input has been read (`setImmediate`)
   */
  constructor(nowMs: () => number, defer: (fn: () => void) => void) {
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
    if (this.#scheduled) return;
    this.#beganMs = this.#endedMs = this.#nowMs();
    this.#schedule();
  }

  #schedule(): void {
    this.#scheduled = true;
    this.#defer(() => this.#runSlice());
  }

  #runSlice(): void {
    this.#scheduled = false;
    const nowMs = this.#nowMs();
    const until = nowMs + this.#sliceMs(nowMs);
    this.#beganMs = nowMs;
    while (this.#next < this.#queue.length) {
      (this.#queue[this.#next++] as Task).run();
      // One task may take as long as compressing a frame does.
      this.#endedMs = this.#nowMs();
      if (this.#endedMs >= until) break;
    }
    if (this.#next < this.#queue.length) return this.#schedule();
    this.#queue = [];
    this.#next = 0;
  }

  #sliceMs(nowMs: number): number {
    // What was written in the stretch before was handed to the sockets after it, which takes about as long as writing it did.
    const othersMs = nowMs - this.#endedMs - (this.#endedMs - this.#beganMs);
    return Math.min(LONGEST_SLICE_MS, Math.max(SLICE_MS, SHARE * othersMs));
  }
}
