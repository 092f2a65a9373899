import type { GetRoomResponse } from '../../protos/gen/live/v1/GetRoomResponse.ts';

import type { RoomState } from './room-state.ts';
import { roomStateFromWire } from './room-state.ts';

/** A room as the stream's leader sees it. */
export interface RoomInfo {
  readonly room: string;
  /** Sequence of the newest and the oldest reliable message held; 0 when none is. */
  readonly head: bigint;
  readonly first: bigint;
  /** Reliable messages held. */
  readonly count: bigint;
  /** Viewers over all gateways. */
  readonly audience: number;
  readonly epoch: string;
  /** What its commands have made of it; absent: the gateway keeps no states. */
  readonly state?: RoomState;
}

/** The description in an answer. */
export function roomInfoFromWire(info: GetRoomResponse): RoomInfo {
  const { state, ...described } = info;
  return {
    ...described,
    head: BigInt(info.head),
    first: BigInt(info.first),
    count: BigInt(info.count),
    ...(state && { state: roomStateFromWire(state) }),
  };
}
