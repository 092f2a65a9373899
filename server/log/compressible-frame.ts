import { deflateRawSync } from 'node:zlib';
import { varintSize, writeVarint } from './entry-codec.ts';
import { fittedFrame } from './fitted-frame.ts';
import { allocatePrefixed, bareFrame, PREFIX_BYTES } from './frame-prefix.ts';

/** `ServerFrame.deflated`: field 13, length-delimited. */
const SERVER_FRAME_DEFLATED = (13 << 3) | 2;

/** What of messages is in a frame: what there is to count once it has been delivered. */
export interface FrameContents {
  readonly reliable: number;
  readonly ephemeral: number;
  /** Encoded, in bytes. */
  readonly reliableBytes: number;
  readonly ephemeralBytes: number;
  /** When the oldest reliable message was stored, in milliseconds since the Unix epoch; NaN without one. */
  readonly storedMs: number;
}

const NOTHING: FrameContents = {
  reliable: 0,
  ephemeral: 0,
  reliableBytes: 0,
  ephemeralBytes: 0,
  storedMs: Number.NaN,
};

/**
 * An encoded `ServerFrame` behind its prefix, and its other forms: made when first asked for, and once for all who share the frame.
 */
export class CompressibleFrame {
  readonly plain: Buffer;
  readonly contents: FrameContents;
  #deflated: Buffer | undefined;
  #fitted: { readonly maxBytes: number; readonly frame: CompressibleFrame } | undefined;

  constructor(plain: Buffer, contents = NOTHING) {
    this.plain = plain;
    this.contents = contents;
  }

  /** Memory taken beside the plain frame, in bytes. */
  get extraMemory(): number {
    const deflated =
      this.#deflated === undefined || this.#deflated === this.plain ? 0 : this.#deflated.length;
    return deflated + (this.#fitted?.frame.memory ?? 0);
  }

  /** Memory taken, in bytes. */
  get memory(): number {
    return this.plain.length + this.extraMemory;
  }

  /** Bytes of the `ServerFrame`. */
  get bytes(): number {
    return this.plain.length - PREFIX_BYTES;
  }

  /** The frame as a client gets it that takes at most `maxBytes`: what is too large for it comes without payload. */
  within(maxBytes: number): CompressibleFrame {
    if (this.bytes <= maxBytes) return this;
    if (this.#fitted?.maxBytes !== maxBytes) {
      const frame = new CompressibleFrame(fittedFrame(this.plain, maxBytes), this.contents);
      this.#fitted = { maxBytes, frame };
    }
    return this.#fitted.frame;
  }

  /** `ServerFrame{deflated}`, or the plain frame where that is not longer. */
  get deflated(): Buffer {
    return (this.#deflated ??= deflate(this.plain));
  }
}

/** Longer frames hold a single message, and would keep all other viewers waiting while they are compressed. */
const LONGEST_BYTES = 128 * 1024;

function deflate(plain: Buffer): Buffer {
  if (plain.length > LONGEST_BYTES) return plain;
  // At the default level most of the time goes by in setting up: a lower one is no quicker for what one batch holds.
  const data = deflateRawSync(bareFrame(plain));
  const frame = allocatePrefixed(1 + varintSize(data.length) + data.length);
  frame[PREFIX_BYTES] = SERVER_FRAME_DEFLATED;
  data.copy(frame, writeVarint(frame, PREFIX_BYTES + 1, data.length));
  return frame.length < plain.length ? frame : plain;
}
