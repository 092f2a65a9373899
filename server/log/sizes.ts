import { MAX_BESIDE_PAYLOAD_BYTES } from '../../protos/beside-payload.ts';

/** The largest request or ClientFrame that is read, in bytes: what gRPC libraries take unless told otherwise. */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024;

/** The largest request as JSON that is read, in bytes: the payload of the other may have a third more, as base64, and as much as ever stands beside it. */
export const MAX_JSON_REQUEST_BYTES = Math.ceil(MAX_REQUEST_BYTES / 3) * 4 + MAX_BESIDE_PAYLOAD_BYTES;

/** The largest ServerFrame or PullResponse for a client that does not say what it takes, in bytes: likewise. */
export const DEFAULT_MAX_FRAME_BYTES = 4 * 1024 * 1024;

/** The least that a client can ask for, in bytes: twice what a frame is made for, so that only a large message is ever left out. */
const SMALLEST_FRAME_BYTES = 128 * 1024;

/** NATS stores no message above 64 MiB. */
const LARGEST_FRAME_BYTES = 65 * 1024 * 1024;

/** What a frame may have for a client that asks for `asked` bytes; 0: it does not say. */
export function frameLimit(asked: number): number {
  if (asked === 0) return DEFAULT_MAX_FRAME_BYTES;
  return Math.min(Math.max(asked, SMALLEST_FRAME_BYTES), LARGEST_FRAME_BYTES);
}

/** What a NATS message has beside the payload, in bytes: headers, identifiers. And what a frame has. */
const MESSAGE_OVERHEAD_BYTES = 8 * 1024;

/** The most that the stream should store in one message, in bytes, so that every client takes it. */
export const MAX_STORED_BYTES = DEFAULT_MAX_FRAME_BYTES - MESSAGE_OVERHEAD_BYTES;

/**
 * Bytes that the payload of a message may have that is published here.
 * @param natsBytes what NATS takes in one message
 * @param streamBytes what the stream stores in one; -1: it sets no limit
 */
export function payloadLimit(natsBytes: number, streamBytes: number): number {
  const stored = Math.min(natsBytes, streamBytes < 0 ? Infinity : streamBytes, MAX_STORED_BYTES);
  // Headers take up to half of what is small: what then does not fit is refused by NATS.
  return Math.max(stored - MESSAGE_OVERHEAD_BYTES, Math.floor(stored / 2));
}
