import { utf8Length } from '../../common/utf8.ts';
import { MAX_BESIDE_PAYLOAD_BYTES } from '../../protos/beside-payload.ts';
import { status } from '../../protos/status-codes.ts';
import { LiveError } from './errors.ts';
import type { PublishOrder } from './publish-order.ts';

/** What the gateway's Welcome says of publishing. */
export interface PublishBounds {
  /** Publishes in flight at once. */
  readonly publishes: number;
  /** Bytes of one payload. */
  readonly payloadBytes: number;
  /** Bytes of one frame. */
  readonly requestBytes: number;
}

/** Tags and lengths around a text, at most, and everything else in a frame: room, numbers; in bytes. */
const TEXT_OVERHEAD_BYTES = 12;
const FRAME_OVERHEAD_BYTES = 256;

/**
 * What a message is refused with that is larger than the gateway takes; undefined if it is not. To be asked before it is sent: far beyond its bound
 * gRPC would end the whole stream for it, again and again.
 */
export function tooLarge(
  message: PublishOrder['message'],
  { payloadBytes, requestBytes }: PublishBounds,
): LiveError | undefined {
  const { key, payload } = message;
  const bytes = payload?.length ?? 0;
  if (bytes > payloadBytes) {
    const text = `the payload has ${bytes} bytes, the gateway takes ${payloadBytes}`;
    return new LiveError(status.INVALID_ARGUMENT, text, { reason: 'PAYLOAD_TOO_LARGE', key });
  }
  const texts = textBytes(message);
  const all = bytes + texts;
  if (texts > MAX_BESIDE_PAYLOAD_BYTES) {
    const text = `the message has ${texts} bytes beside its payload, a gateway takes ${MAX_BESIDE_PAYLOAD_BYTES}`;
    return new LiveError(status.RESOURCE_EXHAUSTED, text, { reason: 'REQUEST_TOO_LARGE', key });
  }
  if (all <= requestBytes) return undefined;
  const text = `the message has ${all} bytes with all its texts, the gateway takes ${requestBytes}`;
  return new LiveError(status.RESOURCE_EXHAUSTED, text, { reason: 'REQUEST_TOO_LARGE', key });
}

/** At least what the texts of a message take in a frame, and what is around them, in bytes. */
function textBytes({ type = '', sender = '', key, headers = {} }: PublishOrder['message']): number {
  const texts = [type, sender, key, ...Object.entries(headers).flat()];
  return texts.reduce((sum, text) => sum + utf8Length(text) + TEXT_OVERHEAD_BYTES, FRAME_OVERHEAD_BYTES);
}
