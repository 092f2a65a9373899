import { deflateRawSync } from 'node:zlib';
import { writeVarint } from './entry-codec.ts';

/** `ServerFrame.deflated`: field 13, length-delimited. */
const SERVER_FRAME_DEFLATED = (13 << 3) | 2;
const LONGEST_PREFIX = 6;

/** An encoded `ServerFrame`, and its compressed form: made when first asked for, and once for all who share the frame. */
export class CompressibleFrame {
  readonly plain: Buffer;
  #deflated: Buffer | undefined;

  constructor(plain: Buffer) {
    this.plain = plain;
  }

  /** `ServerFrame{deflated}`, or the plain frame where that is not longer. */
  get deflated(): Buffer {
    return (this.#deflated ??= deflate(this.plain));
  }
}

function deflate(plain: Buffer): Buffer {
  // At the default level most of the time goes by in setting up: a lower one is no quicker for what one batch holds.
  const data = deflateRawSync(plain);
  const prefix = Buffer.allocUnsafe(LONGEST_PREFIX);
  prefix[0] = SERVER_FRAME_DEFLATED;
  const frame = Buffer.concat([prefix.subarray(0, writeVarint(prefix, 1, data.length)), data]);
  return frame.length < plain.length ? frame : plain;
}
