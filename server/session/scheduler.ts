import { Slices } from '../../common/slices.ts';

/** Something that has work to do when its turn comes. */
export interface Task {
  run(): void;
}

/**
 * Runs tasks in the order they asked, in short stretches that yield to the event loop: while a large room is
 * written to, new messages come in, and whoever is written to later gets them in the same frame.
 */
export class Scheduler {
  readonly #slices: Slices;
  #queue: Task[] = [];
  #next = 0;

  /** See {@link Slices}. */
  constructor(nowMs: () => number, defer: (fn: () => void) => void) {
    this.#slices = new Slices(nowMs, defer, () => this.#runNext());
  }

  /** Gives a task a turn. Asking twice gives two turns: tasks remember that they are queued. */
  enqueue(task: Task): void {
    this.#queue.push(task);
    this.#slices.schedule();
  }

  #runNext(): boolean {
    (this.#queue[this.#next++] as Task).run();
    if (this.#next < this.#queue.length) return true;
    this.#queue = [];
    this.#next = 0;
    return false;
  }
}
