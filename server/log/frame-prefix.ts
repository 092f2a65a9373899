/*
 * gRPC's Length-Prefixed-Message (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): whether it is
 * compressed (it never is), four bytes of length, and the frame. What viewers are written has it from the start, so
 * that the bytes that they share need no copy.
 */

/** Bytes in front of every frame. */
export const PREFIX_BYTES = 5;

/** Writes the prefix of a frame of so many bytes. */
export function writePrefix(buffer: Buffer, at: number, frameBytes: number): void {
  buffer[at] = 0;
  buffer.writeUInt32BE(frameBytes, at + 1);
}

/** Memory for a frame of so many bytes behind its prefix, which is written. */
export function allocatePrefixed(frameBytes: number): Buffer {
  const prefixed = Buffer.allocUnsafe(PREFIX_BYTES + frameBytes);
  writePrefix(prefixed, 0, frameBytes);
  return prefixed;
}

/** A copy of a frame behind its prefix. */
export function prefixedFrame(frame: Buffer): Buffer {
  const prefixed = allocatePrefixed(frame.length);
  frame.copy(prefixed, PREFIX_BYTES);
  return prefixed;
}

/** The frame behind a prefix: a view. */
export function bareFrame(prefixed: Buffer): Buffer {
  return prefixed.subarray(PREFIX_BYTES);
}
