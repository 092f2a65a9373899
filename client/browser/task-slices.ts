import type { Slices } from './sliced-subscription.ts';

/** For how long events are given out in one task, in milliseconds. Nothing on a page moves while a task lasts: one of 50 ms is called a long one. */
const SLICE_MS = 10;

interface Slice {
  /** In milliseconds, on the monotonic clock. */
  readonly beganAt: number;
  /** Resolves in the next task. */
  readonly over: Promise<void>;
}

/**
 * Divides the work on what waits for the application into tasks. An iterator that has something to give resolves within the same task: without a break, a loop over what
 * came while the application did something else would be one long task, however little it does with each event.
 */
export class TaskSlices implements Slices {
  /** Made when it is first needed: servers that render pages import this, too. */
  #channel: MessageChannel | undefined;
  /** The one of this task; undefined before the task has given out anything. */
  #slice: Slice | undefined;

  get pause(): Promise<void> | undefined {
    this.#slice ??= this.#begin();
    return performance.now() - this.#slice.beganAt < SLICE_MS ? undefined : this.#slice.over;
  }

  /** A message comes in a task of its own, after those that wait; a timer would be late in a hidden page. */
  #begin(): Slice {
    const { port1, port2 } = (this.#channel ??= new MessageChannel());
    const over = new Promise<void>((resolve) => {
      port1.onmessage = () => {
        // Whoever listens to a port keeps Deno, Bun and Node from ending.
        port1.onmessage = null;
        this.#slice = undefined;
        resolve();
      };
    });
    port2.postMessage(undefined);
    return { beganAt: performance.now(), over };
  }
}
