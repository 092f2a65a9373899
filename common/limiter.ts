/** Lets at most so many asynchronous calls run at once; the others wait in line. */
export class Limiter {
  readonly #limit: number;
  #running = 0;
  readonly #line: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs `fn` when there is room, and gives its outcome. */
  async run<T>(fn: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limit) await new Promise<void>((resolve) => this.#line.push(resolve));
    else this.#running++;
    try {
      return await fn();
    } finally {
      const next = this.#line.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
