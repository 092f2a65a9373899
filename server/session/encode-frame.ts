import type { ServerFrameInput } from '../../protos/live.ts';
import { encodeServerFrame } from '../../protos/live.ts';
import { prefixedFrame } from '../log/frame-prefix.ts';

/** Encodes a frame that is not on the fan-out path, behind its prefix. */
export function encodeFrame(frame: ServerFrameInput): Buffer {
  return prefixedFrame(encodeServerFrame(frame));
}
