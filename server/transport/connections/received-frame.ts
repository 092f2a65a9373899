import { decodeClientFrame } from '../../../protos/live.ts';
import type { Received } from '../../session/carrier.ts';

/** Bytes that are no frame reach the session all the same, which says so. */
export function receivedFrame(bytes: Buffer): Received {
  try {
    return { kind: 'frame', frame: decodeClientFrame(bytes) };
  } catch {
    return { kind: 'garbage' };
  }
}
