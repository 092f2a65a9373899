import type { PullResponseInput } from '../../protos/gen/live/v1/PullResponse.ts';
import type { ServerFrameInput } from '../../protos/live.ts';
import { prefixed } from '../../protos/enum-names.ts';
import { encodeServerFrame } from '../../protos/live.ts';
import type { Emission } from '../room/event.ts';
import { prefixedFrame } from '../log/frame-prefix.ts';
import type { Failure } from './failure.ts';

type Notice = Exclude<Emission, { kind: 'batch' }>;

/** Encodes a frame that is not on the fan-out path, behind its prefix. */
export function encodeFrame(frame: ServerFrameInput): Buffer {
  return prefixedFrame(encodeServerFrame(frame));
}

/** What a viewer is told of a room, as a frame of the protocol. */
export function noticeFrame(notice: Notice, room: string): ServerFrameInput {
  switch (notice.kind) {
    case 'joined': {
      const { cursor, head, outcome } = notice;
      return { joined: { room, cursor, head, outcome: prefixed('OUTCOME', outcome) } };
    }
    case 'caught-up':
      return { caughtUp: { room, cursor: notice.cursor } };
    case 'gap':
    case 'reset':
      return breakFrame(notice, room);
  }
}

/** A break in the history, in the form that ServerFrame and PullResponse share. */
export function breakFrame(
  notice: Extract<Emission, { kind: 'gap' | 'reset' }>,
  room: string,
): Pick<ServerFrameInput, 'gap' | 'reset'> & PullResponseInput {
  if (notice.kind === 'gap') {
    const { after, next, cursor } = notice;
    return { gap: { room, after, next, cause: 'CAUSE_RETENTION', cursor } };
  }
  return { reset: { room, cause: prefixed('CAUSE', notice.cause), cursor: notice.cursor } };
}

/** What is too long for a room name is told back shortened: a refusal must not cost more than what is refused. */
export function roomErrorFrame(room: string, failure: Failure): ServerFrameInput {
  return { roomError: { room: room.slice(0, 80), refusal: failure.toRefusal() } };
}
