import { PAYLOAD_OF_FRAME, requireSmallBesidePayload } from '../../../protos/beside-payload.ts';
import { MAX_REQUEST_BYTES } from '../../log/sizes.ts';
import { Failure } from '../../session/failure.ts';
import type { Origin } from '../connections/origins.ts';
import type { Incoming, Receiving, Source } from '../connections/receiving.ts';
import type { FrameHeader } from './frame-header.ts';
import { frameHeader, isControl } from './frame-header.ts';
import { unmask } from './mask.ts';

/** Room for the beginning of a message. */
const LEAST_BYTES = 512;

/** Who is told of what has come. */
export interface MessageReceiver {
  /** A message is complete; the next one is put together when it is asked for. */
  onMessage(message: Buffer): void;
  /** A frame that belongs to no message; or one that is only a part of its own, which is bounded in the same way. */
  onControl(opcode: number, payload: Buffer): void;
  /** What comes cannot go on; nothing more is read of it. */
  onRefused(failure: Failure): void;
}

/**
 * Puts the messages of a WebSocket together (RFC 6455), one for each {@link startRead}. What is not complete is copied into one piece that grows with what has come, never
 * with what was announced; it is counted with that of all other connections, and has a deadline.
 */
export class MessageDecoder implements Incoming {
  readonly source: Source;
  readonly origin: Origin;
  readonly #receiver: MessageReceiver;
  readonly #receiving: Receiving;
  /** What has come and was not looked at yet. */
  #unread: Buffer | undefined;
  /** The frame of a message whose payload is being taken, as far as it is missing. */
  #frame: FrameHeader | undefined;
  #taken = 0;
  /** What has come of a message that is not complete, with room for more. */
  #parts: Buffer | undefined;
  filled = 0;
  /** What is counted, in bytes. */
  held = 0;
  #state: 'asked' | 'held' | 'over' = 'held';

  /** @param source which the bytes given to {@link push} are read from */
  constructor(source: Source, origin: Origin, receiver: MessageReceiver, receiving: Receiving) {
    this.source = source;
    this.origin = origin;
    this.#receiver = receiver;
    this.#receiving = receiving;
  }

  /** See {@link Incoming}: there is one stream on it. */
  get connection(): object {
    return this;
  }

  /** See {@link Incoming}. */
  get complete(): boolean {
    return this.#unread === undefined && this.#parts === undefined;
  }

  /** Whether there is something that is not looked at before the next message is asked for: no more should be read. */
  get full(): boolean {
    return this.#state === 'held' && this.#unread !== undefined;
  }

  /** Bytes have come. */
  push(bytes: Buffer): void {
    if (this.#state === 'over') return;
    this.#unread = this.#unread === undefined ? bytes : Buffer.concat([this.#unread, bytes]);
    this.#read();
  }

  /** Asks for the next message. */
  startRead(): void {
    if (this.#state === 'over') return;
    this.#state = 'asked';
    this.#read();
  }

  /** See {@link Incoming}. */
  refuse(failure: Failure): void {
    if (this.#state === 'over') return;
    this.end();
    this.#receiver.onRefused(failure);
  }

  /** Takes nothing more, and lets go of what it has. */
  end(): void {
    this.#state = 'over';
    this.#receiving.end(this);
    this.#unread = this.#parts = this.#frame = undefined;
    this.held = 0;
  }

  #read(): void {
    try {
      while (this.#state === 'asked' && this.#unread !== undefined && this.#readFrame(this.#unread));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return this.refuse(error);
    }
    if (this.#state !== 'over') this.#count();
  }

  /** Reads one frame, or what there is of it; whether there may be another. */
  #readFrame(bytes: Buffer): boolean {
    let at = 0;
    if (this.#frame === undefined) {
      const header = frameHeader(bytes);
      if (header === undefined) return false;
      this.#requireFitting(header);
      const end = header.size + header.length;
      if (isControl(header.opcode)) {
        if (bytes.length < end) return false;
        this.#keep(bytes, end);
        const payload = Buffer.allocUnsafe(header.length);
        unmask(bytes, header.size, end, header.mask, 0, payload, 0);
        this.#receiver.onControl(header.opcode, payload);
        return true;
      }
      this.#frame = header;
      this.#taken = 0;
      at = header.size;
    }
    return this.#take(this.#frame, bytes, at);
  }

  /** @throws Failure if it does not fit to what came before */
  #requireFitting({ opcode, length }: FrameHeader): void {
    if (isControl(opcode)) return;
    const begun = this.#parts !== undefined;
    if (begun !== (opcode === 0))
      throw new Failure(
        'MALFORMED_FRAME',
        begun ? 'a message begins before the last one has ended' : 'a continuation without a beginning',
      );
    if (this.filled + length > MAX_REQUEST_BYTES)
      throw new Failure('REQUEST_TOO_LARGE', 'a frame is larger than 4 MiB: send less at once');
  }

  /** Takes what there is of a frame's payload from `at`. */
  #take(frame: FrameHeader, bytes: Buffer, at: number): boolean {
    const count = Math.min(frame.length - this.#taken, bytes.length - at);
    const filled = this.filled + count;
    const parts = this.#room(filled, frame);
    unmask(bytes, at, at + count, frame.mask, this.#taken, parts, this.filled);
    this.filled = filled;
    this.#taken += count;
    this.#keep(bytes, at + count);
    if (this.#taken < frame.length) return false;
    this.#frame = undefined;
    if (frame.final) this.#complete(parts.subarray(0, filled));
    else this.#receiver.onControl(frame.opcode, EMPTY);
    return true;
  }

  /** Where a message of so many bytes up to now has room. */
  #room(filled: number, { final, length }: FrameHeader): Buffer {
    const before = this.#parts;
    if (before !== undefined && before.length >= filled) return before;
    const whole = final ? this.filled + length - this.#taken : MAX_REQUEST_BYTES;
    // What is complete at once is not kept for long; what is not must not keep a slab for a few bytes.
    const size = Math.max(filled, Math.min(whole, Math.max(LEAST_BYTES, 2 * (before?.length ?? 0))));
    const room = filled === whole ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size);
    before?.copy(room, 0, 0, this.filled);
    this.#parts = room;
    return room;
  }

  #complete(message: Buffer): void {
    this.#parts = undefined;
    this.filled = 0;
    // The next one has a time of its own, also if it has begun.
    this.#release();
    try {
      requireSmallBesidePayload(message, PAYLOAD_OF_FRAME);
    } catch (error) {
      throw new Failure('REQUEST_TOO_LARGE', `a frame is ${(error as Error).message}`, { cause: error });
    }
    this.#state = 'held';
    this.#receiver.onMessage(message);
  }

  /** Keeps what is behind `from`. */
  #keep(bytes: Buffer, from: number): void {
    if (this.#state !== 'over') this.#unread = from < bytes.length ? bytes.subarray(from) : undefined;
  }

  #count(): void {
    this.#unread = this.#unread && compact(this.#unread);
    const held = (this.#unread?.length ?? 0) + (this.#parts?.length ?? 0);
    if (this.complete) return this.#release();
    this.#receiving.begin(this);
    const grown = held - this.held;
    this.held = held;
    this.#receiving.grown(this, grown);
  }

  /** Nothing of it is awaited any more. */
  #release(): void {
    if (this.held > 0) this.#receiving.end(this);
    this.held = 0;
  }
}

const EMPTY = Buffer.alloc(0);

/** The same bytes: not as a small part of memory that they alone would keep. */
function compact(bytes: Buffer): Buffer {
  if (2 * bytes.length >= bytes.buffer.byteLength) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
