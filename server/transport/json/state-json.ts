import type { RoomState, _live_v1_RoomState_Shown as Shown } from '../../../protos/gen/live/v1/RoomState.ts';
import { payloadJson } from './message-json.ts';

/** What a room is like, as JSON; values that the application keeps are JSON themselves. */
export function stateJson({
  seq,
  closed,
  muted,
  stream,
  question,
  pinned,
  values,
  uncertain,
}: RoomState): object {
  return {
    seq: Number(seq),
    closed: closed ? { seq: Number(closed.seq), timeMs: Number(closed.timeMs), reason: closed.reason } : null,
    muted: muted ? { seq: Number(muted.seq), ...untilJson(muted) } : null,
    stream: shownJson(stream),
    question: shownJson(question),
    pinned: shownJson(pinned),
    values: Object.fromEntries(
      Object.entries(values).map(([key, text]) => [key, JSON.parse(text) as unknown]),
    ),
    uncertain,
  };
}

function shownJson(shown: Shown | null): object | null {
  if (shown === null) return null;
  const { seq, timeMs, sender, payload, payloadOmitted } = shown;
  return {
    seq: Number(seq),
    timeMs: Number(timeMs),
    sender,
    ...(payloadOmitted ? { payloadOmitted } : payloadJson(payload)),
    ...untilJson(shown),
  };
}

const untilJson = ({ untilMs }: { untilMs?: string | undefined }): { untilMs?: number } =>
  untilMs === undefined ? {} : { untilMs: Number(untilMs) };
