import { status } from '../../../protos/status-codes.ts';
import { LiveError } from '../../core/errors.ts';
import { LARGEST_FRAME_BYTES } from '../../core/frame-size.ts';

/** The body of an answer as it comes: not all browsers have an iterator of it. */
export async function* partsOfBody({ body }: Response): AsyncGenerator<Uint8Array, void, undefined> {
  if (body === null) return;
  const reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

/** The whole body of an answer. @throws LiveError INTERNAL if it is larger than any message */
export async function wholeBody(response: Response): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of partsOfBody(response)) {
    parts.push(part);
    length += part.length;
    if (length > LARGEST_FRAME_BYTES)
      throw new LiveError(status.INTERNAL, `the answer has more than ${LARGEST_FRAME_BYTES} bytes`);
  }
  return joined(parts, length);
}

/** Parts that have so many bytes together, as one. */
export function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
