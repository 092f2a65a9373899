import { constants } from 'node:http2';
import type { ServerHttp2Stream } from 'node:http2';
import { Metadata } from '@grpc/grpc-js';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import type { Clock } from '../../../common/clock.ts';
import type { CarrierConnection } from '../../session/carrier.ts';
import type { Consumer } from '../../session/slow-consumers.ts';
import { prefixedFrame } from '../../log/frame-prefix.ts';
import { PIECE_BYTES } from './carrier.ts';
import type { GrpcCarrierDependencies } from './carrier.ts';
import { http2StreamOf } from './http2-stream.ts';

type SendMessage = ServerInterceptingCallInterface['sendMessage'];
type SendStatus = ServerInterceptingCallInterface['sendStatus'];

/**
 * A call other than Connect, as far as its end concerns others: whoever does not take what it asked for, or does not let go of a call that is answered,
 * is a slow consumer, too.
 */
export class ShortCall implements Consumer {
  readonly #call: ServerInterceptingCallInterface;
  readonly #stream: ServerHttp2Stream;
  readonly #clock: Clock;
  readonly #dependencies: GrpcCarrierDependencies;
  readonly #peer: string;
  /** See {@link Consumer}. */
  blockedSinceMs: number | undefined;
  #served = false;

  /**
   * Watches what is sent by the call.
   * @param encoded whether its messages are encoded already; they are then handed over in pieces, so that who takes a part of a large one is seen to
   */
  constructor(
    call: ServerInterceptingCallInterface,
    encoded: boolean,
    clock: Clock,
    dependencies: GrpcCarrierDependencies,
  ) {
    this.#call = call;
    this.#stream = http2StreamOf(call);
    this.#clock = clock;
    this.#dependencies = dependencies;
    this.#peer = call.getPeer();
    const sendMessage: SendMessage = call.sendMessage.bind(call);
    const sendStatus: SendStatus = call.sendStatus.bind(call);
    call.sendMessage = (message, callback) => {
      const taken = (): void => {
        this.blockedSinceMs = undefined;
        callback();
      };
      if (!this.#served) this.#dependencies.served(this.#stream);
      this.#served = true;
      this.#block();
      if (encoded) this.#sendPieces(prefixedFrame(message as Buffer), taken);
      else sendMessage(message, taken);
    };
    call.sendStatus = (status) => {
      // It ends with it, unless what was sent is not taken, or the client keeps its half.
      this.blockedSinceMs ??= this.#clock.monotonicMs();
      sendStatus(Object.assign(status, { served: this.#served }));
    };
  }

  /** Calls back when the call is over. */
  onceClosed(closed: () => void): void {
    this.#stream.once('close', closed);
  }

  /** See {@link Consumer}. */
  get connection(): CarrierConnection | undefined {
    const { session } = this.#stream;
    return session && this.#dependencies.connections.of(session);
  }

  /** See {@link Consumer}. */
  reset(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  /** See {@link Consumer}. */
  terminate(): void {
    this.#dependencies.listener.terminate(this.#peer);
  }

  #block(): void {
    this.blockedSinceMs = this.#clock.monotonicMs();
  }

  #sendPieces(bytes: Buffer, taken: () => void): void {
    this.#call.sendMetadata(new Metadata());
    if (!this.#stream.writable) return;
    const rest = bytes.subarray(PIECE_BYTES);
    this.#stream.write(bytes.subarray(0, PIECE_BYTES), (error) => {
      if (error) return;
      if (rest.length === 0) return taken();
      this.#block();
      this.#sendPieces(rest, taken);
    });
  }
}
