import type { Writable } from 'node:stream';

/** Where lines for the user go. One line at a time, so that what was written is known exactly. */
export class Output {
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
    // Failures reach whoever writes; without a listener they would end the process first.
    stream.on('error', () => undefined);
  }

  /** Calls `fn` when nobody reads any more: a pipe's reader has gone. */
  onClosed(fn: () => void): void {
    this.#stream.on('error', fn);
  }

  /**
   * Writes one line; resolves when it has left this process.
   * @throws if it could not be written.
   */
  line(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(`${text}\n`, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }
}

/** Whether writing failed because the reader of a pipe has gone, as with `| head`. */
export function isClosedPipe(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED')
  );
}
