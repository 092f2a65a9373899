import type { Socket } from 'node:net';
import { MAX_REQUEST_BYTES } from '../../log/sizes.ts';
import type { TraceParent } from '../../observability/tracing.ts';
import type { Carrier, CarrierConnection, CarrierListener } from '../../session/carrier.ts';
import type { Failure } from '../../session/failure.ts';
import type { Intake, Readable } from '../connections/intake.ts';
import { startRead } from '../connections/intake.ts';
import type { Origin } from '../connections/origins.ts';
import type { Receiving } from '../connections/receiving.ts';
import { receivedFrame } from '../connections/received-frame.ts';
import { CLOSE } from './close-codes.ts';
import type { FramedMessages } from './framed-messages.ts';
import { PIECE_BYTES } from './framed-messages.ts';
import { closeFrame, controlFrame, OPCODE } from './frames.ts';
import type { Handshake } from './handshake.ts';
import type { Kept } from './keepalive.ts';
import type { MessageReceiver } from './message-decoder.ts';
import { MessageDecoder } from './message-decoder.ts';

/** What carriers have in common. */
export interface WebSocketCarrierDependencies {
  readonly intake: Pick<Intake, 'read'>;
  readonly receiving: Receiving;
  readonly framed: Pick<FramedMessages, 'of'>;
  /** Whether a connection may send one more frame that ends no message. One that may not is broken off. */
  readonly mayControl: (carrier: WebSocketCarrier, socket: Socket) => boolean;
}

/** A WebSocket: one viewer's stream, and its connection. It reads and writes the frames itself: see docs/design.md. */
export class WebSocketCarrier implements Carrier, CarrierConnection, MessageReceiver, Readable, Kept {
  readonly transport = 'websocket';
  readonly peer: string;
  readonly traceParent: TraceParent | undefined;
  readonly #socket: Socket;
  readonly #decoder: MessageDecoder;
  readonly #dependencies: WebSocketCarrierDependencies;
  #listener: CarrierListener | undefined;
  #token: string | undefined;
  /** What has yet to be handed over of a message of several pieces. */
  #rest: Buffer | undefined;
  /** What the last ping holds that was not answered yet: the one before is on its way out. */
  #ping: Buffer | undefined;
  #ponging = false;
  /** See {@link Kept}. */
  quiet = 0;
  /** What has come since it was ended from here, in bytes; undefined: it was not. */
  #discarded: number | undefined;
  readonly #handedOver = (error?: Error | null): void => {
    if (error) return;
    if (this.#rest === undefined) return this.#listener?.written();
    this.#listener?.progressed();
    this.#writePieces(this.#rest);
  };

  /**
   * @param socket that has been upgraded, and is paused
   * @param said with the handshake
   */
  constructor(
    socket: Socket,
    origin: Origin,
    { token, traceParent }: Pick<Handshake, 'token' | 'traceParent'>,
    dependencies: WebSocketCarrierDependencies,
  ) {
    this.#socket = socket;
    this.#token = token;
    this.traceParent = traceParent;
    this.#dependencies = dependencies;
    this.peer = origin.name;
    this.#decoder = new MessageDecoder(socket, origin, this, dependencies.receiving);
  }

  get connection(): CarrierConnection {
    return this;
  }

  /** Whether nothing comes by it any more. */
  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  /** See {@link Kept}. */
  get paused(): boolean {
    return this.#socket.isPaused();
  }

  open(listener: CarrierListener): void {
    this.#listener = listener;
    this.read();
  }

  write(frames: readonly Buffer[]): void {
    // Where it has ended for us, that is told by itself.
    if (!this.#socket.writable) return;
    const { framed } = this.#dependencies;
    const last = frames.length - 1;
    if (last > 0) this.#socket.cork();
    for (let n = 0; n < last; n++) this.#socket.write(framed.of(frames[n] as Buffer));
    this.#writePieces(framed.of(frames[last] as Buffer));
    if (last > 0) this.#socket.uncork();
  }

  read(): void {
    this.#dependencies.intake.read(this, this, neverCrowded);
  }

  readOn(): void {
    process.nextTick(startRead, this);
  }

  end(): void {
    this.#close(CLOSE.ok, 'OK');
  }

  refuse({ code, reason, message }: Failure): void {
    this.#close(CLOSE.refused + code, `${reason}: ${message}`);
  }

  /** Ends the connection for what it does beside its messages. */
  breakOff(text: string): void {
    this.#close(CLOSE.policy, text);
    this.#listener?.cancelled();
  }

  reset(): void {
    this.terminate();
  }

  terminate(): void {
    this.#socket.destroy();
  }

  takeToken(): string | undefined {
    const token = this.#token;
    this.#token = undefined;
    return token;
  }

  /** See {@link CarrierConnection}. It carries one stream: whoever is stuck on it loses it at once. */
  proveAlive(proven: () => void): void {
    proven();
  }

  /** See {@link CarrierConnection}. It never takes another stream. */
  takeNoMore(): void {
    // Nothing has to be done for it.
  }

  /** See {@link Kept}. */
  ping(): void {
    if (this.#socket.writable) this.#socket.write(PING);
  }

  /** Of the intake: see {@link Readable}. */
  startRead(): void {
    this.#decoder.startRead();
    if (!this.#decoder.full && this.#socket.isPaused() && !this.#socket.destroyed) this.#socket.resume();
  }

  /** Of the socket. */
  onData(bytes: Buffer): void {
    if (this.#discarded !== undefined) return this.#discard(bytes.length);
    this.quiet = 0;
    this.#decoder.push(bytes);
    if (this.#decoder.full) this.#socket.pause();
  }

  /** Of the socket: it is gone. */
  onClosed(): void {
    this.#decoder.end();
    this.#listener?.closed();
  }

  /** Of the decoder. */
  onMessage(message: Buffer): void {
    this.#listener?.received(receivedFrame(message));
  }

  /** Of the decoder. */
  onRefused(failure: Failure): void {
    this.#listener?.failed(failure);
  }

  /** Of the decoder. */
  onControl(opcode: number, payload: Buffer): void {
    if (!this.#dependencies.mayControl(this, this.#socket)) return;
    if (opcode === OPCODE.close) return this.#clientCloses();
    if (opcode !== OPCODE.ping) return;
    this.#ping = payload;
    if (!this.#ponging) this.#pong();
  }

  /** Only the last of many pings is answered: whoever does not read costs nothing. */
  #pong(): void {
    const payload = this.#ping;
    this.#ping = undefined;
    this.#ponging = payload !== undefined && this.#socket.writable;
    if (payload === undefined || !this.#ponging) return;
    this.#socket.write(controlFrame(OPCODE.pong, payload), () => this.#pong());
  }

  /** It sends nothing more; publishes that are under way get their answers before it is ended. */
  #clientCloses(): void {
    this.#decoder.end();
    this.#listener?.halfClosed();
  }

  #writePieces(message: Buffer): void {
    const large = message.length > PIECE_BYTES;
    this.#rest = large ? message.subarray(PIECE_BYTES) : undefined;
    if (this.#socket.writable)
      this.#socket.write(large ? message.subarray(0, PIECE_BYTES) : message, this.#handedOver);
  }

  /** What is on its way when it is ended is read, so that its end gets there. */
  #discard(bytes: number): void {
    this.#discarded = (this.#discarded ?? 0) + bytes;
    if (this.#discarded > MOST_DISCARDED_BYTES) this.#socket.destroy();
  }

  /** Says why, and ends our half; what is not written yet of a message is lost, and what comes is thrown away. */
  #close(code: number, reason: string): void {
    this.#decoder.end();
    this.#rest = undefined;
    this.#discarded = 0;
    if (!this.#socket.writable) return;
    this.#socket.end(closeFrame(code, reason));
    this.#socket.resume();
  }
}

/** More than is on its way when an honest client is told that it is over: a request, and what the network holds. */
const MOST_DISCARDED_BYTES = 2 * MAX_REQUEST_BYTES;

const PING = controlFrame(OPCODE.ping, Buffer.alloc(0));

/** One that is read frame by frame never has many waiting. */
function neverCrowded(): void {
  // It is stopped by its carrier.
}
