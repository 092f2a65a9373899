import type { ServerHttp2Stream } from 'node:http2';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import type { PayloadPath } from '../../../protos/beside-payload.ts';
import { requireSmallBesidePayload } from '../../../protos/beside-payload.ts';
import type { Failure } from '../../session/failure.ts';
import { MAX_REQUEST_BYTES } from '../../log/sizes.ts';
import { http2StreamOf } from './http2-stream.ts';
import type { Origin } from '../connections/origins.ts';
import type { Incoming, Receiving } from '../connections/receiving.ts';
import { statusOf } from './status.ts';

/*
 * Access: `decoder` of the call that a server's interceptor is given: `write(bytes)` returns the messages that are complete, with their prefix, and throws
 * what the call is refused with.
 * If it changes: every call is refused, and says so.
 * Instead, once there is one: a bound on the bytes that a server holds of incomplete messages, and a deadline for them.
 */

/** gRPC's prefix: a flag that says whether the message is compressed, and its length in four bytes. */
const PREFIX_BYTES = 5;
/** Room for the beginning of a message: not in a slab that a few bytes would keep whole. */
const LEAST_BYTES = 512;
const NOTHING: Buffer = Buffer.alloc(0);

/** Whether the client of a method sends one request only, without which nothing happens. */
export type RequestForm = 'one' | 'stream';

/** Who is told that the call cannot go on, and tells the client. A call that has nobody tells it itself. */
export interface DecoderOwner {
  onRefused(failure: Failure): void;
}

/**
 * Puts the messages of a call together, as the decoder of grpc-js does, which keeps every part by itself and all of them for as long as it takes. Here parts are
 * copied into one piece that grows with them, and what is not complete is counted and has a deadline. A message that is compressed is refused: grpc-js
 * would inflate those of all calls at once, 4 kB to 4 MiB each. Of a stream one message is given at a time: a client sends thousands at once, of 64 KiB that
 * flow control lets it, and grpc-js would have all of them decoded before anybody asks for the second.
 */
export class MessageDecoder implements Incoming {
  readonly source: ServerHttp2Stream;
  readonly origin: Origin;
  readonly #call: ServerInterceptingCallInterface;
  readonly #receiving: Receiving;
  readonly #form: RequestForm;
  readonly #payload: PayloadPath;
  owner: DecoderOwner | undefined;
  /** What has come of a message that is not complete, its prefix included, with room for more. */
  #parts: Buffer | undefined;
  #filled = 0;
  /** What has come behind the last message that was given, of a stream. */
  #unread: Buffer = NOTHING;
  #over = false;

  private constructor(
    call: ServerInterceptingCallInterface,
    form: RequestForm,
    payload: PayloadPath,
    receiving: Receiving,
    origin: Origin,
  ) {
    this.#payload = payload;
    this.source = http2StreamOf(call);
    this.origin = origin;
    this.#call = call;
    this.#form = form;
    this.#receiving = receiving;
    if (form === 'one') receiving.begin(this);
  }

  /**
   * Has the call's messages put together by this decoder; to be called before anything was read.
   * @param payload where it is in each message
   * @throws when grpc-js keeps its decoder elsewhere
   */
  static replace(
    call: ServerInterceptingCallInterface,
    form: RequestForm,
    payload: PayloadPath,
    receiving: Receiving,
    origin: Origin,
  ): MessageDecoder {
    const holder = call as { decoder?: { write?: unknown } };
    if (typeof holder.decoder?.write !== 'function')
      throw new Error('this version of @grpc/grpc-js keeps the decoder of a call elsewhere');
    const decoder = new MessageDecoder(call, form, payload, receiving, origin);
    holder.decoder = decoder;
    return decoder;
  }

  /** See {@link Incoming}. */
  get connection(): object {
    return this.source.session ?? this.source;
  }

  /** See {@link Incoming}. */
  get held(): number {
    return this.#parts?.length ?? 0;
  }

  /** See {@link Incoming}. */
  get filled(): number {
    return this.#filled;
  }

  /** See {@link Incoming}. */
  get complete(): boolean {
    return this.#form === 'one' ? this.source.readableEnded : this.#parts === undefined;
  }

  /** See {@link Incoming}. */
  refuse(failure: Failure): void {
    if (this.#over) return;
    this.#end();
    if (this.owner !== undefined) return this.owner.onRefused(failure);
    const facts = { peer: this.origin.name };
    this.#call.sendStatus(statusOf(this.#receiving.refusals.refuse(failure, facts, 'a call was refused')));
  }

  /**
   * Called by grpc-js with what has come; gives the messages that are complete by it, of a stream the first: for the others, see {@link next}.
   * @throws when a message is larger than may be, compressed, or made to be costly: the call is then refused
   */
  write(bytes: Buffer): Buffer[] {
    this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
    const messages: Buffer[] = [];
    for (let message = this.next(); message !== undefined; message = this.next()) {
      messages.push(message);
      if (this.#form === 'stream') break;
    }
    // Copied: their memory is not ours.
    if (this.#unread.length > 0) this.#unread = Buffer.from(this.#unread);
    return messages;
  }

  /**
   * The next message of what has come, with its prefix; undefined: more has to come.
   * @throws as {@link write}
   */
  next(): Buffer | undefined {
    try {
      const message = this.#read();
      if (message !== undefined) requireSmallBesidePayload(message.subarray(PREFIX_BYTES), this.#payload);
      return message;
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  #read(): Buffer | undefined {
    while (this.#unread.length > 0 && !this.#over) {
      const unread = this.#unread;
      if (this.#parts === undefined) {
        const length = lengthOf(unread);
        if (length <= unread.length) {
          this.#unread = unread.subarray(length);
          // Copied: what is kept of it would keep all that came with it.
          return Buffer.from(unread.subarray(0, length));
        }
        this.#receiving.begin(this);
      }
      this.#unread = unread.subarray(this.#append(unread));
      const message = this.#takeComplete();
      if (message !== undefined) return message;
    }
    this.#unread = NOTHING;
    return undefined;
  }

  /** Takes what belongs to the message that has begun; how many bytes. */
  #append(bytes: Buffer): number {
    const missing = this.#missing();
    const count = Math.min(missing, bytes.length);
    const filled = this.#filled + count;
    if (filled > this.held) this.#grow(filled);
    // Others may have to go for it, or it itself.
    if (this.#parts === undefined) return bytes.length;
    bytes.copy(this.#parts, this.#filled, 0, count);
    this.#filled = filled;
    return count;
  }

  #missing(): number {
    if (this.#parts === undefined || this.#filled < PREFIX_BYTES) return PREFIX_BYTES - this.#filled;
    return lengthOf(this.#parts.subarray(0, this.#filled)) - this.#filled;
  }

  #grow(needed: number): void {
    const before = this.held;
    const whole = this.#filled < PREFIX_BYTES ? LEAST_BYTES : lengthOf(this.#parts as Buffer);
    const size = Math.max(needed, Math.min(whole, Math.max(LEAST_BYTES, 2 * before)));
    const parts = Buffer.allocUnsafeSlow(size);
    this.#parts?.copy(parts, 0, 0, this.#filled);
    this.#parts = parts;
    this.#receiving.grown(this, size - before);
  }

  /** The message that has begun, if it is complete. */
  #takeComplete(): Buffer | undefined {
    if (this.#parts === undefined || this.#filled < PREFIX_BYTES) return undefined;
    if (this.#missing() > 0) return undefined;
    const message = this.#parts.subarray(0, this.#filled);
    if (this.#form === 'stream') this.#receiving.end(this);
    else this.#receiving.grown(this, -this.held);
    this.#forget();
    return message;
  }

  #end(): void {
    this.#over = true;
    this.#receiving.end(this);
    this.#forget();
    this.#unread = NOTHING;
  }

  #forget(): void {
    this.#parts = undefined;
    this.#filled = 0;
  }
}

/**
 * Bytes of the message that these begin with, its prefix included; without a whole prefix more than there are.
 * @throws when they are more than may be, or compressed
 */
function lengthOf(bytes: Buffer): number {
  if (bytes.length < PREFIX_BYTES) return PREFIX_BYTES;
  if (bytes[0] !== 0) throw new RangeError('a message is compressed');
  const size = bytes.readUInt32BE(1);
  if (size > MAX_REQUEST_BYTES)
    throw new RangeError(`a message larger than ${MAX_REQUEST_BYTES} bytes: ${size}`);
  return PREFIX_BYTES + size;
}
