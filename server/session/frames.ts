import type { PullResponseInput } from '../../protos/gen/live/v1/PullResponse.ts';
import type { ServerFrameInput } from '../../protos/live.ts';
import { prefixed } from '../../protos/enum-names.ts';
import { contractRevision } from '../../protos/live.ts';
import { MAX_REQUEST_BYTES } from '../log/sizes.ts';
import type { GapEvent, ResetEvent, RoomEvent } from '../room/event.ts';
import type { UpstreamCauses } from '../upstream/upstream-cause.ts';
import type { Failure } from './failure.ts';

/** What a client and its gateway have agreed on. */
export interface Terms {
  readonly frameBytes: number;
  readonly form: 'plain' | 'deflated';
  /** Whether it is told the states of rooms. */
  readonly states: boolean;
}

/** What a client is told of the gateway when it is greeted. */
export interface Served {
  /** Bounds of a session. */
  readonly limits: { readonly heartbeatMs: number; readonly rooms: number; readonly publishes: number };
  readonly publishing: { readonly maxPayload: number };
  /** Identity of the stream, as in cursors. */
  readonly epoch: () => string;
}

type Notice = Exclude<RoomEvent, { kind: 'batch' | 'state' | 'dismissed' | 'failed' }>;

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
  notice: GapEvent | ResetEvent,
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

/** @param room whose token it is; empty: that of the stream */
export function tokenExpiringFrame(room: string, expiresInMs: number): ServerFrameInput {
  return { tokenExpiring: { room, expiresInMs } };
}

/** The answer to Hello. */
export function welcomeFrame(
  session: string,
  { frameBytes, form, states }: Terms,
  { limits, publishing, epoch }: Served,
): ServerFrameInput {
  const { heartbeatMs, rooms, publishes } = limits;
  return {
    welcome: {
      session,
      heartbeatMs,
      limits: {
        rooms,
        publishes,
        payloadBytes: publishing.maxPayload,
        requestBytes: MAX_REQUEST_BYTES,
        frameBytes,
      },
      features: [
        ...(form === 'deflated' ? (['FEATURE_DEFLATE'] as const) : []),
        ...(states ? (['FEATURE_ROOM_STATE'] as const) : []),
      ],
      revision: contractRevision,
      epoch: epoch(),
    },
  };
}

/** What a client is told of its rooms, and whether all that it is told can be proven. */
export function heartbeatFrame(
  rooms: { room: string; head: number; audience: number }[],
  causes: UpstreamCauses,
): ServerFrameInput {
  return {
    heartbeat: {
      rooms,
      upstream: causes.length === 0 ? 'UPSTREAM_OK' : 'UPSTREAM_DEGRADED',
      causes: causes.map((cause) => prefixed('UPSTREAM_CAUSE', cause)),
    },
  };
}
