/** A sound that is not lost when nobody listens yet. Once `signal` is aborted every wait ends. */
export class Bell {
  readonly #signal: AbortSignal;
  #rung = false;
  #listener: (() => void) | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  ring(): void {
    this.#rung = true;
    this.#listener?.();
  }

  /** Resolves at the first ring since this was last called. */
  async heard(): Promise<void> {
    await this.until((done) => {
      this.#listener = done;
      if (this.#rung) done();
    });
    this.#listener = undefined;
    this.#rung = false;
  }

  /** Resolves when `start` calls back, or when the signal is aborted. */
  until(start: (done: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#signal.removeEventListener('abort', done);
        resolve();
      };
      if (this.#signal.aborted) return done();
      this.#signal.addEventListener('abort', done);
      start(done);
    });
  }
}
