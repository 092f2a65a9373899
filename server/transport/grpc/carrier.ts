import { constants } from 'node:http2';
import type { ServerHttp2Stream } from 'node:http2';
import { Metadata, status } from '@grpc/grpc-js';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import type { TraceParent } from '../../observability/tracing.ts';
import type { Carrier, CarrierConnection, CarrierListener, Received } from '../../session/carrier.ts';
import { bareFrame } from '../../log/frame-prefix.ts';
import type { Failure } from '../../session/failure.ts';
import { startRead } from '../connections/intake.ts';
import { receivedFrame } from '../connections/received-frame.ts';
import { bearerToken } from './bearer-token.ts';
import type { Connections } from './connections.ts';
import { metadataOf, traceParentIn } from './call-metadata.ts';
import { http2StreamOf } from './http2-stream.ts';
import type { CallIntake } from './call-intake.ts';
import type { Listener } from './listener.ts';
import type { DecoderOwner, MessageDecoder } from './message-decoder.ts';
import { statusOf } from './status.ts';

/**
 * A frame is handed to its stream in pieces of so many bytes, so that a viewer which takes only a part of it in a long time is seen to take something. More
 * than any frame has but one with a single large message.
 */
export const PIECE_BYTES = 80 * 1024;

/** What carriers have in common. */
export interface GrpcCarrierDependencies {
  readonly connections: Connections;
  readonly intake: Pick<CallIntake, 'read'>;
  readonly listener: Pick<Listener, 'has' | 'terminate'>;
  /** A call gets an answer that is no refusal. To be called once for each. */
  readonly served: (stream: ServerHttp2Stream) => void;
}

/**
 * A call of Connect. It listens to the call itself, below the streams that grpc-js would put on top: they cost memory and
 * time, and reading one frame after the other on demand is what they would be used for.
 */
export class GrpcCarrier implements Carrier, DecoderOwner {
  readonly transport = 'grpc';
  readonly peer: string;
  readonly #connectionName: string;
  readonly #call: ServerInterceptingCallInterface;
  readonly #decoder: Pick<MessageDecoder, 'next'>;
  /** Frames are written to it; everything else goes by the call. */
  readonly #stream: ServerHttp2Stream;
  readonly #dependencies: GrpcCarrierDependencies;
  #listener: CarrierListener | undefined;
  #token: string | undefined;
  #served = false;
  /** What has yet to be handed over of a frame of several pieces. */
  #rest: Buffer | undefined;
  readonly #handedOver = (error?: Error | null): void => {
    if (error) return;
    if (this.#rest === undefined) {
      this.#listener?.written();
      return;
    }
    this.#listener?.progressed();
    this.#writePieces(this.#rest);
  };

  /**
   * @param call that nobody else listens to; its stream has not said yet that it is closed
   * @param decoder of the call
   */
  constructor(
    call: ServerInterceptingCallInterface,
    decoder: Pick<MessageDecoder, 'owner' | 'origin' | 'next'>,
    dependencies: GrpcCarrierDependencies,
  ) {
    decoder.owner = this;
    this.#call = call;
    this.#decoder = decoder;
    this.#dependencies = dependencies;
    this.#stream = http2StreamOf(call);
    this.#connectionName = call.getPeer();
    this.peer = decoder.origin.name;
    // Said now, while nothing depends on it: a connection that cannot be terminated would stay for as long as its viewer is stuck.
    if (this.#stream.session?.destroyed === false && !dependencies.listener.has(this.#connectionName))
      throw new Error(
        `this version of @grpc/grpc-js names peers otherwise: ${this.#connectionName} is no connection`,
      );
  }

  get traceParent(): TraceParent | undefined {
    return traceParentIn(metadataOf(this.#call));
  }

  get connection(): CarrierConnection | undefined {
    const { session } = this.#stream;
    return session && this.#dependencies.connections.of(session);
  }

  open(listener: CarrierListener): void {
    this.#listener = listener;
    // A client without headers would hold back what it sends.
    this.#call.sendMetadata(new Metadata());
    this.#call.start(this);
    this.#stream.once('close', () => listener.closed());
  }

  write(frames: readonly Buffer[]): void {
    if (!this.#served) this.#dependencies.served(this.#stream);
    this.#served = true;
    // Where the call has been ended for us, its own event follows.
    if (!this.#stream.writable) return;
    const last = frames.length - 1;
    if (last > 0) this.#stream.cork();
    for (let n = 0; n < last; n++) this.#stream.write(frames[n]);
    this.#writePieces(frames[last] as Buffer);
    if (last > 0) this.#stream.uncork();
  }

  #writePieces(frame: Buffer): void {
    const large = frame.length > PIECE_BYTES;
    this.#rest = large ? frame.subarray(PIECE_BYTES) : undefined;
    if (this.#stream.writable)
      this.#stream.write(large ? frame.subarray(0, PIECE_BYTES) : frame, this.#handedOver);
  }

  read(): void {
    const { session } = this.#stream;
    if (session !== undefined) this.#dependencies.intake.read(session, this);
  }

  readOn(): void {
    process.nextTick(startRead, this);
  }

  /** Of the intake: has the next frame come, of what is there already if it can be. */
  startRead(): void {
    try {
      const message = this.#decoder.next();
      if (message === undefined) this.#call.startRead();
      else this.onReceiveMessage(receivedFrame(bareFrame(message)));
    } catch (error) {
      // As gRPC says it of the first message.
      this.#call.sendStatus({ code: status.RESOURCE_EXHAUSTED, details: (error as Error).message });
    }
  }

  end(): void {
    this.#call.sendStatus({ code: status.OK, details: 'OK' });
  }

  refuse(failure: Failure): void {
    // A status in the midst of a frame would be taken for a fault of the transport.
    if (this.#rest !== undefined && this.#stream.writable) this.#stream.write(this.#rest);
    this.#rest = undefined;
    this.#call.sendStatus(Object.assign(statusOf(failure), { served: this.#served }));
  }

  reset(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  terminate(): void {
    this.#dependencies.listener.terminate(this.#connectionName);
  }

  /** Of the decoder. */
  onRefused(failure: Failure): void {
    this.#listener?.failed(failure);
  }

  takeToken(): string | undefined {
    const token = this.#token;
    this.#token = undefined;
    return token;
  }

  /** Of the call. What a client has to say of itself comes in Hello, but for a token. */
  onReceiveMetadata(metadata: Metadata): void {
    this.#token = bearerToken(metadata);
    this.#call.startRead();
  }

  /** Of the call. */
  onReceiveMessage(received: Received): void {
    this.#listener?.received(received);
  }

  /** Of the call. */
  onReceiveHalfClose(): void {
    this.#listener?.halfClosed();
  }

  /** Of the call. */
  onCancel(): void {
    this.#listener?.cancelled();
  }
}
