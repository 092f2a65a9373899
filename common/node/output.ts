import type { Writable } from 'node:stream';

/** Standard output took no more although somebody may still read it: a full disk, a broken device. */
export class OutputError extends Error {}

/** Where lines for the user go. One line at a time, so that what was written is known exactly. */
export class Output {
  readonly #stream: Writable;
  #failure: Error | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    // Failures reach whoever writes; without a listener they would end the process first.
    stream.on('error', (error: Error) => void this.#fail(error));
  }

  /** Why nothing can be written any more; undefined as long as it can. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Calls `fn` when nothing can be written any more: a pipe's reader has gone, or the disk is full. */
  onFailed(fn: () => void): void {
    this.#stream.on('error', fn);
  }

  /**
   * Writes one line; resolves when it has left this process.
   * @throws OutputError if it could not be written; what {@link isClosedPipe} knows if nobody reads any more.
   */
  line(text: string): Promise<void> {
    return this.#write(`${text}\n`);
  }

  /** Resolves when all that was written has left this process, or is known to have failed: see {@link failure}. */
  async settled(): Promise<void> {
    await this.#write('').catch(() => undefined);
    // The stream tells of a failure a tick after the one who wrote.
    await new Promise(setImmediate);
  }

  #write(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(text, (error) => {
        if (error) reject(this.#fail(error));
        else resolve();
      });
    });
  }

  /** What failed first is the cause: later writes only hear that the stream is destroyed. */
  #fail(error: Error): Error {
    this.#failure ??= isClosedPipe(error)
      ? error
      : new OutputError(`cannot write to standard output: ${error.message}`, { cause: error });
    return this.#failure;
  }
}

/** Whether writing failed because the reader of a pipe has gone, as with `| head`. */
export function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}
