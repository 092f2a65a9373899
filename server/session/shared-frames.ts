import type { ServerFrameInput } from '../../protos/live.ts';
import { encodeFrame } from './encode-frame.ts';

/** So many are remembered at most. */
const MOST = 1_000;

/**
 * Frames that many viewers are sent one after the other: when all come at once to where they have left a room, or when nothing happens in it. Once the process is warm, to encode a
 * frame takes no longer than to find it here, a microsecond; but all come at once to a process that has just begun, where encoding takes longer (docs/bench.md#notes).
 */
export class SharedFrames {
  readonly #frames = new Map<string, Buffer>();

  /** The frame, encoded, behind its prefix; not to be changed. */
  of(frame: ServerFrameInput): Buffer {
    const key = JSON.stringify(frame);
    const known = this.#frames.get(key);
    if (known !== undefined) return known;
    if (this.#frames.size >= MOST) this.forget();
    const encoded = encodeFrame(frame);
    this.#frames.set(key, encoded);
    return encoded;
  }

  /** To be called from time to time: what was sent a while ago is hardly sent again. */
  forget(): void {
    this.#frames.clear();
  }
}
