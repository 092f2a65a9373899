import { status } from '../../../protos/status-codes.ts';
import { LiveError } from '../../core/errors.ts';
import { LARGEST_FRAME_BYTES } from '../../core/frame-size.ts';
import { joined } from './response-body.ts';

/** Before each message of a stream: a byte of flags, and the length. https://connectrpc.com/docs/protocol#streaming-rpcs */
const HEADER_BYTES = 5;

/** A message in a stream. */
export interface Envelope {
  readonly flags: number;
  readonly data: Uint8Array;
}

/** Puts a message into an envelope without flags. */
export function enveloped(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + data.length);
  new DataView(bytes.buffer).setUint32(1, data.length);
  bytes.set(data, HEADER_BYTES);
  return bytes;
}

/**
 * Takes a stream's messages out of their envelopes, in whatever parts it comes.
 * @throws LiveError INTERNAL for one that is larger than any, or that the stream ends within
 */
export async function* envelopes(body: AsyncIterable<Uint8Array>): AsyncGenerator<Envelope, void, undefined> {
  let wanted = HEADER_BYTES;
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body) {
    parts.push(part);
    length += part.length;
    // Joined when there is enough, not for each part: a large message comes in many.
    if (length < wanted) continue;
    let held = joined(parts, length);
    for (wanted = wantedOf(held); held.length >= wanted; wanted = wantedOf(held)) {
      yield { flags: held[0] as number, data: held.subarray(HEADER_BYTES, wanted) };
      held = held.subarray(wanted);
    }
    parts = [held];
    length = held.length;
  }
  if (length > 0) throw new LiveError(status.INTERNAL, 'the answer ends within a message');
}

/** How much has to be there for the first envelope to be complete, as far as is known. */
function wantedOf(held: Uint8Array): number {
  if (held.length < HEADER_BYTES) return HEADER_BYTES;
  const length = new DataView(held.buffer, held.byteOffset).getUint32(1);
  if (length > LARGEST_FRAME_BYTES)
    throw new LiveError(status.INTERNAL, `the gateway sent a message of ${length} bytes`);
  return HEADER_BYTES + length;
}
