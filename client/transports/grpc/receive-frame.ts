import { inflateRawSync } from 'node:zlib';
import type { ServerFrame } from '../../../protos/live.ts';
import { liveService } from '../../../protos/live.ts';
import { LARGEST_FRAME_BYTES } from '../../core/frame-size.ts';

/** A frame, and its size in bytes: before compression, and as it came. */
export interface ReceivedFrame {
  readonly frame: ServerFrame;
  readonly bytes: number;
  readonly receivedBytes: number;
}

/**
 * Decodes what the gateway sent, inflated where it was compressed.
 * @throws if the bytes are no ServerFrame
 */
export function receiveFrame(bytes: Buffer): ReceivedFrame {
  const frame = decode(bytes);
  if (!frame.deflated) return { frame, bytes: bytes.length, receivedBytes: bytes.length };
  const inflated = inflateRawSync(frame.deflated, { maxOutputLength: LARGEST_FRAME_BYTES });
  return { frame: decode(inflated), bytes: inflated.length, receivedBytes: bytes.length };
}

const decode = (bytes: Buffer): ServerFrame => liveService.Connect.responseDeserialize(bytes);
