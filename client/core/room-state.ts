import type {
  RoomState as WireState,
  _live_v1_RoomState_Shown as WireShown,
} from '../../protos/gen/live/v1/RoomState.ts';

/** A message that a room shows until another takes its place. */
export interface ShownMessage {
  readonly seq: bigint;
  /** When it was stored, in milliseconds since the Unix epoch. */
  readonly timeMs: number;
  readonly sender: string;
  /** Undefined: it is too large for a state; the message itself has it. */
  readonly payload: Uint8Array | undefined;
  /** When it is over, in milliseconds since the Unix epoch; undefined: when something takes its place. */
  readonly untilMs: number | undefined;
}

/** What the commands among a room's messages have made of it (docs/room-state.md). */
export interface RoomState {
  /** What messages up to this sequence have made of it. */
  readonly seq: bigint;
  readonly closed: { readonly seq: bigint; readonly timeMs: number; readonly reason: string } | undefined;
  /** Viewers may not comment; `untilMs` undefined: until somebody ends it. */
  readonly muted: { readonly seq: bigint; readonly untilMs: number | undefined } | undefined;
  readonly stream: ShownMessage | undefined;
  readonly question: ShownMessage | undefined;
  readonly pinned: ShownMessage | undefined;
  /** What the application keeps: JSON, parsed. */
  readonly values: Readonly<Record<string, unknown>>;
  /** A command may be missing: messages had gone before any gateway had seen them. */
  readonly uncertain: boolean;
}

/** The state in a frame. */
export function roomStateFromWire(wire: WireState): RoomState {
  const { seq, closed, muted, stream, question, pinned, values, uncertain } = wire;
  return {
    seq: BigInt(seq),
    closed: closed
      ? { seq: BigInt(closed.seq), timeMs: Number(closed.timeMs), reason: closed.reason }
      : undefined,
    muted: muted ? { seq: BigInt(muted.seq), untilMs: untilOf(muted) } : undefined,
    stream: shownFromWire(stream),
    question: shownFromWire(question),
    pinned: shownFromWire(pinned),
    values: Object.fromEntries(
      Object.entries(values).map(([key, text]) => [key, JSON.parse(text) as unknown]),
    ),
    uncertain,
  };
}

function shownFromWire(wire: WireShown | null | undefined): ShownMessage | undefined {
  if (!wire) return undefined;
  const { seq, timeMs, sender, payload, payloadOmitted } = wire;
  return {
    seq: BigInt(seq),
    timeMs: Number(timeMs),
    sender,
    payload: payloadOmitted ? undefined : payload,
    untilMs: untilOf(wire),
  };
}

const untilOf = ({ untilMs }: { untilMs?: string | undefined }): number | undefined =>
  untilMs === undefined ? undefined : Number(untilMs);
