import { bareFrame } from '../../log/frame-prefix.ts';
import { binaryMessage } from './frames.ts';

/**
 * A message is handed to its socket in pieces of so many bytes, so that a viewer which takes only a part of it in a long time is seen to take something, as
 * on gRPC; each is a frame of its own.
 */
export const PIECE_BYTES = 80 * 1024;

/** Frames of the session that were sent last, and are likely to be sent to others next. */
const REMEMBERED = 8;

/** Makes WebSocket messages of the session's frames: once of one that goes to many viewers, who are mostly written to one after the other. */
export class FramedMessages {
  readonly #frames: (Buffer | undefined)[] = new Array<undefined>(REMEMBERED).fill(undefined);
  readonly #messages: Buffer[] = [];
  #next = 0;
  /** Of frames that have many pieces: kept as long as they are, and no longer. */
  readonly #large = new WeakMap<Buffer, Buffer>();

  /** @param frame behind its prefix; the same object each time that it is given */
  of(frame: Buffer): Buffer {
    if (frame.length > PIECE_BYTES) return this.#ofLarge(frame);
    const known = this.#frames.indexOf(frame);
    if (known >= 0) return this.#messages[known] as Buffer;
    const message = binaryMessage(bareFrame(frame), PIECE_BYTES);
    this.#frames[this.#next] = frame;
    this.#messages[this.#next] = message;
    this.#next = (this.#next + 1) % REMEMBERED;
    return message;
  }

  #ofLarge(frame: Buffer): Buffer {
    const message = this.#large.get(frame) ?? binaryMessage(bareFrame(frame), PIECE_BYTES);
    this.#large.set(frame, message);
    return message;
  }
}
