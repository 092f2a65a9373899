import { createInbox } from 'nats';
import { UpstreamError } from '../core/upstream-error.ts';
import type { RoomDescription, RoomDirectory } from '../core/room-directory.ts';
import type { Upline } from './connection.ts';
import type { StreamLeader } from './leader.ts';
import { decodePresence } from './presence.ts';
import type { RoomEnds } from './room-ends.ts';
import { streamEpoch } from './stream.ts';

/** How long the other gateways have for their answers, in milliseconds. */
const CENSUS_MS = 150;

/** Rooms as the stream and the other gateways know them. */
export class NatsDirectory implements RoomDirectory {
  readonly #upline: Upline;
  readonly #leader: StreamLeader;
  readonly #ends: RoomEnds;

  constructor(upline: Upline, leader: StreamLeader, ends: RoomEnds) {
    this.#upline = upline;
    this.#leader = leader;
    this.#ends = ends;
  }

  describe(room: string): Promise<RoomDescription> {
    return ask('describe a room', () => this.#describe(room));
  }

  countAudience(room: string): Promise<number> {
    return ask('count an audience', () => this.#countAudience(room));
  }

  async #describe(room: string): Promise<RoomDescription> {
    const info = await this.#leader.describeRoom(room);
    const count = info.state.subjects?.[this.#leader.subjects.room(room)] ?? 0;
    const range = count === 0 ? undefined : await this.#ends.range(room);
    return { epoch: streamEpoch(info), head: range?.last ?? 0, first: range?.first ?? 0, count };
  }

  #countAudience(room: string): Promise<number> {
    const { nc } = this.#upline;
    return new Promise((resolve) => {
      let sum = 0;
      const inbox = createInbox();
      const subscription = nc.subscribe(inbox, {
        callback(error, message) {
          // A throw here would kill the connection's reader; an answer that is none counts nothing.
          try {
            if (error === null && message.data.length > 0) sum += decodePresence(message.data).viewers;
          } catch {
            return;
          }
        },
      });
      nc.publish(this.#leader.subjects.census(room), undefined, { reply: inbox });
      setTimeout(() => {
        subscription.unsubscribe();
        resolve(sum);
      }, CENSUS_MS);
    });
  }
}

async function ask<T>(what: string, question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    throw new UpstreamError(`could not ${what}`, { cause: error });
  }
}
