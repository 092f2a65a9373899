import type { ClientFrame } from '../../protos/live.ts';
import type { TraceParent } from '../observability/tracing.ts';
import type { Failure } from './failure.ts';

/** What one client frame was decoded to; bytes that are none do not end the stream before it is told why. */
export type Received = { readonly kind: 'frame'; readonly frame: ClientFrame } | { readonly kind: 'garbage' };

/** What a carrier tells its session. Nothing comes after `closed`. */
export interface CarrierListener {
  /** A frame has come: one for each {@link Carrier.read}. */
  received(received: Received): void;
  /** All that was written was handed over: the next can be. */
  written(): void;
  /** A part of it was handed over. */
  progressed(): void;
  /** What comes from the client cannot be received; the stream is to be ended for that. */
  failed(error: unknown): void;
  /** The client sends no more. */
  halfClosed(): void;
  /** The client has given up the stream: what is written reaches nobody. */
  cancelled(): void;
  /** The stream is gone. */
  closed(): void;
}

/** A connection that may carry several streams: a proxy has many viewers on one. */
export interface CarrierConnection {
  /**
   * Calls back when the peer has shown that it took everything sent before; also when the connection closes before that, or cannot be made to
   * show it.
   */
  proveAlive(proven: () => void): void;
  /** From now on it takes no more streams, and its peer is told to open them elsewhere; those that it has go on. Once is enough. */
  takeNoMore(): void;
}

/** How viewers are connected. */
export const TRANSPORTS = ['grpc', 'websocket', 'sse'] as const;
export type TransportName = (typeof TRANSPORTS)[number];

/**
 * What a session needs of a transport: one viewer's stream, whatever it is carried by. The client's counterpart is its `Transport`.
 * Frames are behind their prefix (see log/frame-prefix.ts); a transport that has its own framing sends the bare ones.
 */
export interface Carrier {
  /** For the metrics. */
  readonly transport: TransportName;
  /** Who is at the other end, by its connection or, where a trusted proxy names the client, by that: for the log, and for who takes turns with whom. */
  readonly peer: string;
  /**
   * The token that came with the stream itself, where the transport has a place for one. It is asked for once, and then forgotten: it would
   * take memory for as long as the viewer stays.
   */
  takeToken(): string | undefined;
  /** Whose trace the stream is part of, as its headers say; undefined: they do not. */
  readonly traceParent: TraceParent | undefined;
  /** The connection that the stream is on: the same object for all streams on it; undefined when it is gone. */
  readonly connection: CarrierConnection | undefined;
  /** Begins: from now on the listener is told what happens. Nothing is received before the first {@link read}. */
  open(listener: CarrierListener): void;
  /** Sends frames, in this order, one at least; only when those before were {@link CarrierListener.written}. Only the last may be large. */
  write(frames: readonly Buffer[]): void;
  /** Asks for the next frame of the client. */
  read(): void;
  /** Asks for the frame behind Hello: what has come with it does not wait for another turn, so that both are answered together. */
  readOn(): void;
  /** Ends the stream with OK, behind what was written. */
  end(): void;
  /** Ends the stream with the reason; what is on its way to the client may be lost by it. */
  refuse(failure: Failure): void;
  /** Ends the stream at once without a word; others on the connection go on. */
  reset(): void;
  /** Ends the connection at once, and with it all streams on it: the last resort for those that do not listen. */
  terminate(): void;
}
