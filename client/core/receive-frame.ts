import { inflateRawSync } from 'node:zlib';
import type { ServerFrame } from '../../protos/live.ts';
import { liveService } from '../../protos/live.ts';

/** The largest frame that there can be, in bytes: NATS stores no message above 64 MiB. A longer one is a defect, or a bomb. */
export const largestFrameBytes = 65 * 1024 * 1024;

/** A frame, and its size before compression, in bytes. */
export interface ReceivedFrame {
  readonly frame: ServerFrame;
  readonly bytes: number;
}

/**
 * Decodes what the gateway sent, inflated where it was compressed.
 * @throws if the bytes are no ServerFrame
 */
export function receiveFrame(bytes: Buffer): ReceivedFrame {
  const frame = decode(bytes);
  if (!frame.deflated) return { frame, bytes: bytes.length };
  const inflated = inflateRawSync(frame.deflated, { maxOutputLength: largestFrameBytes });
  return { frame: decode(inflated), bytes: inflated.length };
}

const decode = (bytes: Buffer): ServerFrame => liveService.Connect.responseDeserialize(bytes);
