/** Frames of all calls together that are read in a turn of the event loop, before each call has to wait for the next. */
const FRAMES_A_TURN = 256;

/**
 * When a call may read its next frame: at once, as long as few were read in this turn of the event loop, and with one a turn for each call from there on. One read of a
 * connection may bring thousands of frames, and all that other connections have sent would wait for the last.
 */
export class ReadTurns {
  readonly #defer: (fn: () => void) => void;
  #read = 0;

  /** @param defer calls a function after pending input has been read (`setImmediate`) */
  constructor(defer: (fn: () => void) => void) {
    this.#defer = defer;
  }

  /** Has a call read, never at once: what has come with the frame before would be handed over by recursion. */
  next(call: { startRead(): void }): void {
    if (this.#read === 0) this.#defer(() => (this.#read = 0));
    if (this.#read++ < FRAMES_A_TURN) process.nextTick(startRead, call);
    else this.#defer(() => call.startRead());
  }
}

function startRead(call: { startRead(): void }): void {
  call.startRead();
}
