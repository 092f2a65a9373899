import type { RoomStateInput } from '../../protos/gen/live/v1/RoomState.ts';
import type { Shown } from '../state/room-state.ts';
import type { StateView } from '../state/state-view.ts';
import { encodeFrame } from './encode-frame.ts';

/** Frames with the states of rooms, each encoded once for all viewers. */
export class StateFrames {
  readonly #frames = new WeakMap<StateView, Buffer>();

  /** The frame, behind its prefix; not to be changed. */
  of(view: StateView, room: string): Buffer {
    const known = this.#frames.get(view);
    if (known !== undefined) return known;
    const frame = encodeFrame({ roomState: roomStateOf(view, room) });
    this.#frames.set(view, frame);
    return frame;
  }
}

/** The state as the contract has it. */
export function roomStateOf({ seq, state, uncertain }: StateView, room: string): RoomStateInput {
  const { closed, muted, slots, values } = state;
  const { stream, question, pinned } = slots;
  return {
    room,
    seq,
    closed: closed ?? null,
    muted: muted ? { seq: muted.seq, ...untilOf(muted) } : null,
    stream: shownOf(stream),
    question: shownOf(question),
    pinned: shownOf(pinned),
    values: Object.fromEntries(values),
    uncertain,
  };
}

function shownOf(shown: Shown | undefined): RoomStateInput['stream'] & (object | null) {
  if (shown === undefined) return null;
  const { seq, timeMs, sender, payload } = shown;
  return {
    seq,
    timeMs,
    sender,
    ...(payload === undefined ? { payloadOmitted: true } : { payload }),
    ...untilOf(shown),
  };
}

const untilOf = ({ untilMs }: { readonly untilMs: number | undefined }): { untilMs?: number } =>
  untilMs === undefined ? {} : { untilMs };
