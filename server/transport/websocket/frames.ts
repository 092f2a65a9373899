/*
 * The frames of RFC 6455, section 5.2, as a server sends them: never masked, without extensions. What clients send is read by message-decoder.ts.
 */

/** What a frame is. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export const FIN = 0x80;

/** The most that a control frame may hold, in bytes. */
export const MAX_CONTROL_BYTES = 125;

/** Bytes of the header in front of so many bytes. */
function headerBytes(length: number): number {
  if (length < 126) return 2;
  return length < 65_536 ? 4 : 10;
}

/** Writes a header; how many bytes it has. */
function writeHeader(buffer: Buffer, at: number, first: number, length: number): number {
  const size = headerBytes(length);
  buffer[at] = first;
  if (size === 2) buffer[at + 1] = length;
  else if (size === 4) {
    buffer[at + 1] = 126;
    buffer.writeUInt16BE(length, at + 2);
  } else {
    buffer[at + 1] = 127;
    buffer.writeBigUInt64BE(BigInt(length), at + 2);
  }
  return size;
}

/** A frame that belongs to no message. */
export function controlFrame(opcode: number, payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(2 + payload.length);
  writeHeader(frame, 0, FIN | opcode, payload.length);
  payload.copy(frame, 2);
  return frame;
}

/** Says why a connection ends; the text is cut where it is too long. */
export function closeFrame(code: number, reason: string): Buffer {
  const text = Buffer.from(reason);
  let end = Math.min(text.length, MAX_CONTROL_BYTES - 2);
  // Never in the midst of a character.
  while (end < text.length && ((text[end] ?? 0) & 0xc0) === 0x80) end--;
  const payload = Buffer.allocUnsafe(2 + end);
  payload.writeUInt16BE(code);
  text.copy(payload, 2, 0, end);
  return controlFrame(OPCODE.close, payload);
}

/**
 * A binary message, in frames of `pieceBytes` but for the last: it may be written piece by piece, and other frames between the pieces.
 * @param pieceBytes more than 64 KiB
 */
export function binaryMessage(message: Buffer, pieceBytes: number): Buffer {
  if (message.length + headerBytes(message.length) <= pieceBytes) {
    const size = headerBytes(message.length);
    const framed = Buffer.allocUnsafe(size + message.length);
    writeHeader(framed, 0, FIN | OPCODE.binary, message.length);
    message.copy(framed, size);
    return framed;
  }
  const pieces: Buffer[] = [];
  const held = pieceBytes - headerBytes(pieceBytes);
  for (let at = 0; at < message.length; at += held) {
    const part = message.subarray(at, at + held);
    const last = at + held >= message.length;
    const header = Buffer.allocUnsafe(headerBytes(part.length));
    const opcode = at === 0 ? OPCODE.binary : OPCODE.continuation;
    writeHeader(header, 0, last ? FIN | opcode : opcode, part.length);
    pieces.push(header, part);
  }
  return Buffer.concat(pieces);
}
