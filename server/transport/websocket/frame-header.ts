import { Failure } from '../../session/failure.ts';
import { FIN, MAX_CONTROL_BYTES, OPCODE } from './frames.ts';

/** The header of a frame that a client sends (RFC 6455, section 5.2). */
export interface FrameHeader {
  /** Whether the message ends with it. */
  readonly final: boolean;
  readonly opcode: number;
  /** Of the header itself, in bytes. */
  readonly size: number;
  /** Of the payload, in bytes. */
  readonly length: number;
  /** What the payload is masked with, as a number. */
  readonly mask: number;
}

const MASKED = 0x80;
const MASK_BYTES = 4;
/** Extensions would use these bits; none is agreed on. */
const RESERVED = 0x70;
const COMPRESSED = 0x40;

/** Whether frames of this kind belong to no message. */
export const isControl = (opcode: number): boolean => opcode >= OPCODE.close;

/**
 * Reads the header at the beginning of `bytes`; undefined: more is needed to tell.
 * @throws Failure if no client may send it: also of one that is not there as a whole
 */
export function frameHeader(bytes: Buffer): FrameHeader | undefined {
  if (bytes.length < 2) return undefined;
  const [first, second] = [bytes[0] as number, bytes[1] as number];
  const opcode = first & 0x0f;
  const final = (first & FIN) !== 0;
  requireValid(first, opcode);
  if ((second & MASKED) === 0) throw malformed('a frame of a client has to be masked');
  const short = second & 0x7f;
  if (isControl(opcode) && (!final || short > MAX_CONTROL_BYTES))
    throw malformed('a control frame is in one piece, and holds 125 bytes at most');
  const maskAt = short < 126 ? 2 : short === 126 ? 4 : 10;
  const size = maskAt + MASK_BYTES;
  if (bytes.length < size) return undefined;
  const length =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  return { final, opcode, size, length, mask: bytes.readUInt32BE(maskAt) };
}

function requireValid(first: number, opcode: number): void {
  if ((first & COMPRESSED) !== 0)
    throw new Failure(
      'COMPRESSION_UNSUPPORTED',
      'messages are taken as they are: send them without compression',
    );
  if ((first & RESERVED) !== 0) throw malformed('bits are set that only an extension would use');
  switch (opcode) {
    case OPCODE.continuation:
    case OPCODE.binary:
    case OPCODE.close:
    case OPCODE.ping:
    case OPCODE.pong:
      return;
    case OPCODE.text:
      throw malformed('a text message: send each ClientFrame as one binary message');
    default:
      throw malformed(`a frame with the opcode ${opcode}, which is none`);
  }
}

const malformed = (text: string): Failure => new Failure('MALFORMED_FRAME', text);
