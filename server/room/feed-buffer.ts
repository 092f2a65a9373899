import type { FeedMessage } from '../log/evidence.ts';

/**
 * Feed messages set aside while the room's history is read. Bounded: past the bound the newest are let go,
 * and whoever empties the buffer must look at the stream once more.
 */
export class FeedBuffer {
  readonly #maxBytes: number;
  #messages: FeedMessage[] = [];
  #bytes = 0;
  #overflowed = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(message: FeedMessage): void {
    if (this.#overflowed) return;
    const { content } = message.message;
    this.#bytes += content.payload.byteLength + 256;
    if (this.#bytes > this.#maxBytes) {
      this.#overflowed = true;
      return;
    }
    // The payload is a view of the socket's chunk, which would otherwise be kept or overwritten.
    const copied = { ...message.message, content: { ...content, payload: Uint8Array.from(content.payload) } };
    this.#messages.push({ message: copied, prevSeq: message.prevSeq });
  }

  get first(): FeedMessage | undefined {
    return this.#messages[0];
  }

  /** Lets go of everything, and of what still comes until it is emptied. */
  forget(): void {
    this.#messages = [];
    this.#overflowed = true;
  }

  /** Takes everything; `complete` is false when messages have been let go. */
  drain(): { messages: readonly FeedMessage[]; complete: boolean } {
    const drained = { messages: this.#messages, complete: !this.#overflowed };
    this.#messages = [];
    this.#bytes = 0;
    this.#overflowed = false;
    return drained;
  }
}
