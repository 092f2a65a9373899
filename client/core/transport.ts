import type { ClientFrameInput } from '../../protos/gen/live/v1/ClientFrame.ts';
import type { GetRoomRequestInput } from '../../protos/gen/live/v1/GetRoomRequest.ts';
import type { GetRoomResponse } from '../../protos/gen/live/v1/GetRoomResponse.ts';
import type { PullRequestInput } from '../../protos/gen/live/v1/PullRequest.ts';
import type { PullResponse } from '../../protos/gen/live/v1/PullResponse.ts';
import type { ServerFrame } from '../../protos/gen/live/v1/ServerFrame.ts';
import type { LiveError } from './errors.ts';

/** What a link tells its owner. Nothing comes after `end`, and nothing after `Link.destroy`. */
export interface LinkHandlers {
  /**
   * A frame came: inflated, where the gateway had compressed it, and decoded.
   * @param bytes its size before compression, which is what a batch costs of its room's credit
   * @param receivedBytes its size as it came
   */
  frame(frame: ServerFrame, bytes: number, receivedBytes: number): void;
  /** The stream is over: undefined when the gateway ended it with OK. */
  end(error: LiveError | undefined): void;
}

/** A frame that has begun to come, on the wire: compressed if it is. In bytes. */
export interface IncomingFrame {
  /** What of it has come. */
  readonly bytes: number;
  /** What it has altogether. */
  readonly total: number;
}

/** One connection of its own with one Connect stream on it. */
export interface Link {
  send(frame: ClientFrameInput): void;
  /** Bytes that have come by the connection so far, whatever they are part of. */
  readonly bytesReceived: number;
  /** The frame that has begun to come; undefined between two frames, or if the transport cannot tell. */
  readonly incoming: IncomingFrame | undefined;
  /** Whether parts of frames are not seen: `bytesReceived` then grows with complete ones. A silent link may be a slow one. */
  readonly wholeFramesOnly?: boolean;
  /** Takes the stream and the connection under it away, at once. Repeating it does nothing. */
  destroy(): void;
}

/** How a call is made. */
export interface CallOptions {
  /** Cancels the call. Nobody waits for its outcome then, whatever it is. */
  readonly signal: AbortSignal;
  /** Says who calls: `authorization: Bearer`, or what the transport has instead. */
  readonly token: string | undefined;
}

/**
 * How a client reaches gateways. It decides nothing: which endpoint, how long to wait and whether to try again is up to the client. It belongs to one
 * client, which closes it.
 */
export interface Transport {
  /** Begins to connect to `endpoint`, one of those that the application gave. Frames may be sent at once; failure comes as `end`. */
  open(endpoint: string, handlers: LinkHandlers): Link;
  /**
   * Calls GetRoom.
   * @throws LiveError with the gateway's status and reason; UNAVAILABLE if the endpoint cannot be reached
   */
  getRoom(endpoint: string, request: GetRoomRequestInput, options: CallOptions): Promise<GetRoomResponse>;
  /**
   * Calls Pull, and gives the parts of the answer as they come.
   * @throws LiveError from the iterator; the same as `getRoom`
   */
  pull(endpoint: string, request: PullRequestInput, options: CallOptions): AsyncIterable<PullResponse>;
  /** Lets go of connections that calls were made on. Links are not concerned. */
  close(): void;
}
