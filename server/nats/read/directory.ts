import { UpstreamError } from '../../upstream/upstream-error.ts';
import type { RoomDescription, RoomDirectory } from '../../upstream/room-directory.ts';
import type { StreamLeader } from '../stream/leader.ts';
import type { RoomEnds } from './room-ends.ts';
import { streamEpoch } from '../stream/stream-state.ts';

/** Rooms as the stream knows them. */
export class NatsDirectory implements RoomDirectory {
  readonly #leader: StreamLeader;
  readonly #ends: RoomEnds;

  constructor(leader: StreamLeader, ends: RoomEnds) {
    this.#leader = leader;
    this.#ends = ends;
  }

  describe(room: string): Promise<RoomDescription> {
    return ask('describe a room', () => this.#describe(room));
  }

  async #describe(room: string): Promise<RoomDescription> {
    const info = await this.#leader.describeRoom(room);
    const count = info.state.subjects?.[this.#leader.subjects.room(room)] ?? 0;
    const range = count === 0 ? undefined : await this.#ends.range(room);
    return { epoch: streamEpoch(info), head: range?.last ?? 0, first: range?.first ?? 0, count };
  }
}

async function ask<T>(what: string, question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    throw new UpstreamError(`could not ${what}`, { cause: error });
  }
}
