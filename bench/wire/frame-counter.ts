import type { ReceiverContext } from './receiver.ts';

const LEN = 2;
const tag = (field: number, wireType: number): number => (field << 3) | wireType;
/** Members of ServerFrame. */
const FRAME = { batch: tag(3, LEN), caughtUp: tag(6, LEN), roomError: tag(10, LEN), reconnect: tag(11, LEN) };
const BATCH_RELIABLE = tag(2, LEN);

/** What the next byte is part of. */
const enum Place {
  Prefix,
  FrameTag,
  FrameLength,
  FieldTag,
  FieldLength,
  Body,
}

/**
 * Counts reliable messages by hopping from length to length: prefix, ServerFrame, Batch, entry. What carries them may cut them anywhere, hence byte by byte between the bodies.
 */
export class FrameCounter {
  readonly #context: ReceiverContext;
  readonly #prefixBytes: number;
  #place: Place;
  #prefixLeft: number;
  #tag = 0;
  #value = 0;
  #shift = 0;
  /** Bytes of the body at hand, and of the Batch around it, that are still to come. */
  #bodyLeft = 0;
  #batchLeft = 0;

  /** @param prefixBytes in front of every frame */
  constructor(context: ReceiverContext, prefixBytes: number) {
    this.#context = context;
    this.#prefixBytes = this.#prefixLeft = prefixBytes;
    this.#place = this.#beginning;
  }

  /** Where a frame begins. */
  get #beginning(): Place {
    return this.#prefixBytes > 0 ? Place.Prefix : Place.FrameTag;
  }

  /** Takes bytes of frames, wherever they are cut. */
  count(bytes: Buffer, start: number, end: number): void {
    let messages = 0;
    let at = start;
    while (at < end) {
      switch (this.#place) {
        case Place.Body: {
          const taken = Math.min(this.#bodyLeft, end - at);
          at += taken;
          this.#bodyLeft -= taken;
          if (this.#bodyLeft === 0) this.#leaveBody();
          break;
        }
        case Place.Prefix:
          at++;
          if (--this.#prefixLeft === 0) {
            this.#prefixLeft = this.#prefixBytes;
            this.#place = Place.FrameTag;
          }
          break;
        case Place.FrameTag:
          this.#tag = bytes[at++] as number;
          this.#place = Place.FrameLength;
          break;
        case Place.FrameLength:
          if (this.#completesVarint(bytes[at++] as number)) this.#enterFrame(this.#takeVarint());
          break;
        case Place.FieldTag:
          this.#tag = bytes[at++] as number;
          this.#batchLeft--;
          this.#place = Place.FieldLength;
          break;
        case Place.FieldLength:
          this.#batchLeft--;
          if (this.#completesVarint(bytes[at++] as number)) {
            const value = this.#takeVarint();
            if (this.#tag === BATCH_RELIABLE) messages++;
            this.#enterBody((this.#tag & 7) === LEN ? value : 0);
            this.#batchLeft -= this.#bodyLeft;
          }
          break;
      }
    }
    if (messages > 0) this.#context.count(messages);
  }

  #enterFrame(length: number): void {
    if (this.#tag === FRAME.batch) {
      this.#batchLeft = length;
      this.#place = Place.FieldTag;
      return;
    }
    if (this.#tag === FRAME.caughtUp) this.#context.ready();
    if (this.#tag === FRAME.roomError || this.#tag === FRAME.reconnect) this.#context.fail('sent away');
    this.#enterBody(length);
  }

  #enterBody(length: number): void {
    this.#bodyLeft = length;
    if (length > 0) this.#place = Place.Body;
    else this.#leaveBody();
  }

  #leaveBody(): void {
    this.#place = this.#batchLeft > 0 ? Place.FieldTag : this.#beginning;
  }

  #completesVarint(byte: number): boolean {
    this.#value += (byte & 0x7f) * 2 ** this.#shift;
    this.#shift += 7;
    return byte < 0x80;
  }

  #takeVarint(): number {
    const value = this.#value;
    this.#value = this.#shift = 0;
    return value;
  }
}
