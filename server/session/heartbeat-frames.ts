import type { UpstreamCauses } from '../upstream/upstream-cause.ts';
import type { RoomStatus } from './frames.ts';
import { encodeFrame, heartbeatFrame } from './frames.ts';

/** The heartbeats of one moment, encoded: all who are in the same room are told the same. */
export class HeartbeatFrames {
  /** See {@link heartbeatFrame}. */
  readonly causes: UpstreamCauses;
  readonly #frames = new Map<string, Buffer>();

  constructor(causes: UpstreamCauses) {
    this.causes = causes;
  }

  /** What a viewer is told who has joined these rooms, behind its prefix. */
  of(rooms: RoomStatus[]): Buffer {
    const key = JSON.stringify(rooms);
    const frame = this.#frames.get(key) ?? encodeFrame(heartbeatFrame(rooms, this.causes));
    this.#frames.set(key, frame);
    return frame;
  }
}
