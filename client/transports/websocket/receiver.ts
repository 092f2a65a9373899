import { decodeServerFrame } from '../../../protos/codec/codec.ts';
import type { ServerFrame } from '../../../protos/gen/live/v1/ServerFrame.ts';
import { LARGEST_FRAME_BYTES } from '../../core/frame-size.ts';
import type { Network } from './socket.ts';

type Inflate = Network['inflate'];
type Deliver = (frame: ServerFrame, bytes: number, receivedBytes: number) => void;

/** Decodes messages to frames, inflated where the gateway had compressed them, and keeps their order: inflating may take its time. */
export class Receiver {
  readonly #inflate: Inflate;
  readonly #deliver: Deliver;
  readonly #fail: (cause: unknown) => void;
  /** Resolves when all that waits to be inflated was delivered; undefined when nothing waits. Never rejects. */
  #waiting: Promise<void> | undefined;

  /** @param fail told of the first message that is no frame; nothing is delivered after it */
  constructor(inflate: Inflate, deliver: Deliver, fail: (cause: unknown) => void) {
    this.#inflate = inflate;
    this.#deliver = deliver;
    this.#fail = fail;
  }

  /** A message has come. */
  receive(data: Uint8Array | string): void {
    if (this.#waiting !== undefined) return this.#waitFor(this.#waiting.then(() => this.#take(data)));
    try {
      const taken = this.#take(data);
      if (taken !== undefined) this.#waitFor(taken);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** When all that has come was delivered, or undefined if it is already: what ends the stream must not overtake it. */
  get delivered(): Promise<void> | undefined {
    return this.#waiting;
  }

  #take(data: Uint8Array | string): Promise<void> | undefined {
    if (typeof data === 'string') throw new TypeError('the message is text');
    const deliver = (frame: ServerFrame, bytes: Uint8Array): void =>
      this.#deliver(frame, bytes.length, data.length);
    const frame = decodeServerFrame(data);
    if (!frame.deflated) {
      deliver(frame, data);
      return undefined;
    }
    const inflated = this.#inflate(frame.deflated, LARGEST_FRAME_BYTES);
    if (!(inflated instanceof Uint8Array))
      return inflated.then((bytes) => deliver(decodeServerFrame(bytes), bytes));
    deliver(decodeServerFrame(inflated), inflated);
    return undefined;
  }

  #waitFor(work: Promise<void>): void {
    const waiting = work
      .catch((error: unknown) => this.#fail(error))
      .then(() => {
        if (this.#waiting === waiting) this.#waiting = undefined;
      });
    this.#waiting = waiting;
  }
}
