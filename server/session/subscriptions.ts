import type { ServerFrameInput } from '../../protos/live.ts';
import type { Join } from '../../protos/gen/live/v1/Join.ts';
import type { Hub } from '../room/hub.ts';
import type { Outlet } from './writer.ts';
import type { JoinFrom, Room } from '../room/room.ts';
import { Viewer } from '../room/subscription.ts';
import { Failure } from './failure.ts';
import { roomErrorFrame } from './frames.ts';
import { joinFrom, requireRoomName } from './requests.ts';

/** The session whose rooms they are. */
export interface Member {
  /** The largest frame that the client takes, in bytes. */
  readonly maxFrameBytes: number;
  send(frame: ServerFrameInput): void;
  /** What the client is to be told of an error; what it is not told is logged. */
  refuseRoom(error: unknown, room: string): Failure;
}

/** A room that the session has joined, or is joining while `room` is undefined. */
interface Membership {
  readonly name: string;
  readonly viewer: Viewer;
  room: Room | undefined;
}

/** The rooms of one session. What cannot be done is told to the client as RoomError; nothing here throws. */
export class Memberships {
  readonly #member: Member;
  readonly #hub: Hub;
  readonly #outlet: Outlet;
  readonly #limit: number;
  /** Few, mostly one: a map would take more memory. */
  #rooms: readonly Membership[] = [];

  /**
   * @param outlet where what a room has for the viewer is written
   * @param limit rooms that may be joined at once
   */
  constructor(member: Member, hub: Hub, outlet: Outlet, limit: number) {
    this.#member = member;
    this.#hub = hub;
    this.#outlet = outlet;
    this.#limit = limit;
  }

  /** What heartbeats tell of the rooms that are joined. */
  get statuses(): { room: string; head: number; audience: number }[] {
    return this.#rooms.flatMap(({ name, room }) =>
      room === undefined ? [] : [{ room: name, head: room.timeline.head, audience: room.audience }],
    );
  }

  /** Joined and all that follows it come by the outlet. */
  join({ room: name, cursor, start, creditBytes }: Join): void {
    try {
      this.#requireJoinable(name);
      const from = joinFrom(cursor, start);
      const viewer = new Viewer(this.#outlet, this.#member.maxFrameBytes);
      if (creditBytes !== undefined) viewer.credit = Number(creditBytes);
      const membership: Membership = { name, viewer, room: undefined };
      this.#rooms = this.#rooms.concat(membership);
      void this.#enter(membership, from);
    } catch (error) {
      this.#refuse(name, error);
    }
  }

  /** Answers with Left; nothing of the room follows. */
  leave(name: string): void {
    const membership = this.#find(name);
    if (membership === undefined) {
      const room = JSON.stringify(name.slice(0, 80));
      return this.#refuse(name, new Failure('NOT_JOINED', `room ${room} is not joined`));
    }
    this.#forget(membership);
    this.#member.send({ left: { room: name } });
  }

  /** Leaves every room without a word. */
  leaveAll(): void {
    for (const membership of this.#rooms) this.#forget(membership);
  }

  /** Lets so many more bytes of a room's batches be sent. */
  grant(name: string, bytes: number): void {
    this.#find(name)?.viewer.grant(bytes);
  }

  /** Notes how far the client's application has got. */
  acknowledge(name: string, seq: number): void {
    const viewer = this.#find(name)?.viewer;
    if (viewer !== undefined) viewer.acknowledged = Math.max(viewer.acknowledged, seq);
  }

  #requireJoinable(name: string): void {
    requireRoomName(name);
    if (this.#find(name) !== undefined) throw new Failure('ALREADY_JOINED', `room ${name} is joined already`);
    if (this.#rooms.length >= this.#limit) {
      throw new Failure(
        'TOO_MANY_ROOMS',
        `a stream can join ${this.#limit} rooms: leave one, or open another stream`,
      );
    }
  }

  async #enter(membership: Membership, from: JoinFrom): Promise<void> {
    const { name } = membership;
    try {
      const room = await this.#hub.acquire(name);
      if (!this.#rooms.includes(membership)) {
        this.#hub.release(room);
        return;
      }
      membership.room = room;
      await room.join(membership.viewer, from);
    } catch (error) {
      const failure = this.#member.refuseRoom(error, name);
      // Left meanwhile: nobody waits for an answer.
      if (!this.#rooms.includes(membership)) return;
      this.#forget(membership);
      this.#member.send(roomErrorFrame(name, failure));
    }
  }

  #find(name: string): Membership | undefined {
    return this.#rooms.find((membership) => membership.name === name);
  }

  #forget(membership: Membership): void {
    this.#rooms = this.#rooms.filter((other) => other !== membership);
    const { viewer, room } = membership;
    if (room === undefined) return;
    room.leave(viewer);
    this.#hub.release(room);
  }

  #refuse(name: string, error: unknown): void {
    this.#member.send(roomErrorFrame(name, this.#member.refuseRoom(error, name)));
  }
}
