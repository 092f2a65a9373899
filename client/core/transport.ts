import type { ClientFrameInput, ServerFrame } from '../../protos/live.ts';
import type { LiveError } from './errors.ts';
import type { IncomingFrame } from '../transports/grpc/incoming-frame.ts';

/** What a link tells its owner. Nothing comes after `end`, and nothing after `Link.destroy`. */
export interface LinkHandlers {
  /** @param bytes size of the frame before compression */
  frame(frame: ServerFrame, bytes: number): void;
  /** The stream is over: undefined when the gateway ended it with OK. */
  end(error: LiveError | undefined): void;
}

/** One connection of its own with one Connect stream on it. */
export interface Link {
  send(frame: ClientFrameInput): void;
  /** Bytes that have come by the connection so far, whatever they are part of. */
  readonly bytesReceived: number;
  /** The frame that has begun to come; undefined between two frames, or if the transport cannot tell. */
  readonly incoming: IncomingFrame | undefined;
  /** Takes the stream and the connection under it away, at once. Repeating it does nothing. */
  destroy(): void;
}

/** Opens links. */
export interface Transport {
  /** Begins to connect to `endpoint` (host:port). Frames may be sent at once; failure comes as `end`. */
  open(endpoint: string, handlers: LinkHandlers): Link;
}
