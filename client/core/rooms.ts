import type { BackoffLimits } from '../../common/backoff.ts';
import type { Clock, Timer } from '../../common/clock.ts';
import type { Random } from '../../common/random.ts';
import type { ClientFrameInput } from '../../protos/gen/live/v1/ClientFrame.ts';
import type { ServerFrame } from '../../protos/gen/live/v1/ServerFrame.ts';
import { status } from '../../protos/status-codes.ts';
import { isRoomName, ROOM_NAME_RULE } from '../../protos/vocabulary.ts';
import type { Counters } from './counters.ts';
import type { Cursor } from './cursor.ts';
import type { CursorStore } from './cursor-store.ts';
import { LiveError, cursorStoreFailed } from './errors.ts';
import type { Logger } from './logger.ts';
import type { JoinOptions } from './options.ts';
import { startOf } from './options.ts';
import type { Cluster } from './places.ts';
import { Room } from './room.ts';
import type { RoomHost } from './room-host.ts';
import type { RoomSubscription } from './subscription.ts';
import { noToken, Tokens } from './tokens.ts';

/** How often what the application has handled is acknowledged, in milliseconds. */
const ACK_PERIOD_MS = 5_000;

/** What the rooms of a client have in common. */
export interface RoomsDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly backoff: BackoffLimits;
  /** How long a room's token may take to come, in milliseconds. */
  readonly tokenTimeoutMs: number;
  /** What may wait for the application in each room, in bytes of frames. */
  readonly windowBytes: number;
  /** A room's window is used up, and nobody reads it. */
  readonly stalled: (room: string) => void;
  readonly cursorStore: CursorStore;
  /** The gateways that the client was given, as host:port. */
  readonly servers: readonly string[];
  readonly wire: RoomsWire;
}

/** The connection as rooms see it. */
export interface RoomsWire {
  /** Whether there is a link, on which Hello has been sent. */
  readonly ready: boolean;
  send(frame: ClientFrameInput): void;
  /** The connection was of use. */
  gained(): void;
}

/** What a room is to begin with. */
interface Beginning {
  /** The name under which the store may have a cursor. */
  readonly cursorName: string;
  /** What the application gave for the case that it has none. */
  readonly given: Cursor | undefined;
}

/** The rooms of one client on its one stream: joins and resumes them, and gives each its frames. */
export class Rooms implements RoomHost<Room> {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly #dependencies: RoomsDependencies;
  readonly #rooms = new Map<string, Room>();
  /** Rooms that were left and how many Lefts are due: until then their frames belong to the join before. */
  readonly #leaving = new Map<string, number>();
  /** Rooms whose cursor is to be looked up as soon as a gateway has said which cluster it is of. */
  readonly #unsought = new Map<Room, Beginning>();
  /** Rooms whose token is still to come, and what ends the wait. */
  readonly #awaiting = new Map<Room, Timer>();
  /** The cluster, while its gateway has welcomed us. */
  #cluster: Cluster | undefined;
  /** Runs while the gateway has welcomed us. */
  #ackTimer: Timer | undefined;

  constructor(dependencies: RoomsDependencies) {
    this.#dependencies = dependencies;
    this.clock = dependencies.clock;
    this.random = dependencies.random;
    this.counters = dependencies.counters;
    this.logger = dependencies.logger;
  }

  /** Follows a room; see `LiveClient.join`. */
  follow(name: string, options: JoinOptions): RoomSubscription {
    if (!isRoomName(name)) {
      throw new LiveError(status.INVALID_ARGUMENT, `room name "${name}" is not ${ROOM_NAME_RULE}`, {
        reason: 'ROOM_NAME_INVALID',
      });
    }
    if (this.#rooms.has(name)) {
      throw new LiveError(status.FAILED_PRECONDITION, `room ${name} is joined already`, {
        reason: 'ALREADY_JOINED',
      });
    }
    const {
      from = 'live',
      onGap = 'continue',
      cursorName,
      ignoreStoredCursor = false,
      token,
      signal,
    } = options;
    const { windowBytes, backoff, cursorStore, servers } = this.#dependencies;
    const given = typeof from === 'object' && 'cursor' in from ? from.cursor : undefined;
    const room = new Room(
      {
        room: name,
        start: typeof from === 'object' && 'cursor' in from ? { live: {} } : startOf(from),
        onGap,
        windowBytes,
        backoff,
        tokens: new Tokens(token),
        signal,
        handled: (cursor) => {
          if (cursorName !== undefined) orFailed(() => cursorStore.save(cursorName, name, cursor, servers));
        },
      },
      this,
    );
    if (room.state === 'ended') return room.subscription;
    this.#rooms.set(name, room);
    if (ignoreStoredCursor || cursorName === undefined) this.#loaded(room, given);
    else {
      this.#unsought.set(room, { cursorName, given });
      this.#seek();
    }
    return room.subscription;
  }

  /** Whether there are none. */
  get none(): boolean {
    return this.#rooms.size === 0;
  }

  /** The joins that go with Hello; those whose tokens are still to come follow. */
  opening(): ClientFrameInput[] {
    return [...this.#rooms.values()]
      .filter(({ state }) => state === 'detached')
      .flatMap((room) => this.#joinFrame(room) ?? []);
  }

  /** @param epoch identity of the stream behind the gateway; empty: it does not say */
  welcomed(epoch: string): void {
    this.#cluster = { epoch: epoch === '' ? undefined : epoch, servers: this.#dependencies.servers };
    this.#ackTimer = this.clock.every(ACK_PERIOD_MS, () => this.#acknowledge());
    this.#seek();
  }

  lost(): void {
    this.#ackTimer?.cancel();
    this.#ackTimer = undefined;
    this.#cluster = undefined;
    this.#leaving.clear();
    for (const room of [...this.#awaiting.keys()]) this.#awaited(room);
    for (const room of this.#rooms.values()) room.detach();
  }

  /** Ends every room: at once, or with `cause` after what is queued. */
  close(cause: LiveError | undefined): void {
    for (const room of [...this.#rooms.values()]) {
      if (cause === undefined) room.subscription.leave();
      else room.end(cause);
    }
  }

  /** Gives a frame of so many bytes to its room. @throws if the frame lacks what the protocol promises. */
  onFrame(frame: ServerFrame, bytes: number): void {
    if (frame.batch) this.#current(frame.batch.room)?.onBatch(frame.batch, bytes);
    else if (frame.joined) this.#current(frame.joined.room)?.onJoined(frame.joined);
    else if (frame.gap) this.#current(frame.gap.room)?.onGap(frame.gap);
    else if (frame.reset) this.#current(frame.reset.room)?.onReset(frame.reset);
    else if (frame.caughtUp) this.#current(frame.caughtUp.room)?.onCaughtUp(frame.caughtUp);
    else if (frame.roomState) this.#current(frame.roomState.room)?.onState(frame.roomState);
    else if (frame.left) this.#onLeft(frame.left.room);
    else if (frame.roomError) this.#onRoomError(frame.roomError);
    else if (frame.tokenExpiring) this.#onTokenExpiring(this.#current(frame.tokenExpiring.room));
    else for (const status of frame.heartbeat?.rooms ?? []) this.#current(status.room)?.onHeartbeat(status);
  }

  join(room: Room): void {
    const frame = this.#joinFrame(room);
    if (frame !== undefined) this.#dependencies.wire.send(frame);
  }

  leave({ room }: Room): void {
    const { wire } = this.#dependencies;
    if (!wire.ready) return;
    this.#leaving.set(room, (this.#leaving.get(room) ?? 0) + 1);
    wire.send({ leave: { room } });
  }

  grant({ room }: Room, bytes: number): void {
    this.#dependencies.wire.send({ credit: { room, bytes } });
  }

  stalled({ room }: Room): void {
    this.logger.warn('nobody reads a room', { room });
    this.#dependencies.stalled(room);
  }

  gained(): void {
    this.#dependencies.wire.gained();
  }

  settled(): void {
    if (this.#ackTimer === undefined || this.#rooms.size === 0) return;
    for (const room of this.#rooms.values()) if (room.state !== 'live') return;
    this.gained();
  }

  ended(room: Room): void {
    this.#rooms.delete(room.room);
    this.#unsought.delete(room);
    this.#awaited(room);
    this.settled();
  }

  /** Looks the cursors up that are still to be, if it is known in which cluster. A store that fails ends the room. */
  #seek(): void {
    const cluster = this.#cluster;
    if (cluster === undefined) return;
    const unsought = [...this.#unsought];
    this.#unsought.clear();
    for (const [room, beginning] of unsought) this.#load(room, cluster, beginning);
  }

  #load(room: Room, cluster: Cluster, { cursorName, given }: Beginning): void {
    const failed = (cause: unknown): void => room.end(cursorStoreFailed(cause));
    try {
      const found = this.#dependencies.cursorStore.load(cursorName, room.room, cluster);
      if (found instanceof Promise) found.then((cursor) => this.#loaded(room, cursor ?? given), failed);
      else this.#loaded(room, found ?? given);
    } catch (error) {
      failed(error);
    }
  }

  #loaded(room: Room, cursor: Cursor | undefined): void {
    room.loaded(cursor);
    if (room.state === 'detached' && this.#dependencies.wire.ready) this.join(room);
  }

  /** Undefined: the room's token is still to come, and the Join follows it. */
  #joinFrame(room: Room): ClientFrameInput | undefined {
    const token = room.tokens.get();
    if (typeof token !== 'object') return room.joinFrame(token);
    room.detach();
    const { tokenTimeoutMs } = this.#dependencies;
    const timer = this.clock.after(tokenTimeoutMs, () => {
      this.#awaited(room);
      // Asked for anew when the room is tried again.
      room.tokens.forget();
      room.refused(noToken(`it did not come within ${tokenTimeoutMs} ms`));
    });
    this.#awaiting.set(room, timer);
    const over = (): boolean => {
      // Given up, or begun anew with the next connection.
      if (this.#awaiting.get(room) !== timer) return true;
      this.#awaited(room);
      return false;
    };
    token.then(
      () => over() || this.join(room),
      (error: unknown) => over() || room.refused(error as LiveError),
    );
    return undefined;
  }

  /** The wait for a room's token is over. */
  #awaited(room: Room): void {
    this.#awaiting.get(room)?.cancel();
    this.#awaiting.delete(room);
  }

  #onTokenExpiring(room: Room | undefined): void {
    room?.tokens.renew(this.logger, (token) => {
      if (this.#rooms.get(room.room) === room && this.#dependencies.wire.ready)
        this.#dependencies.wire.send({ renew: { room: room.room, token } });
    });
  }

  /** The room that a frame is for; none if the frame belongs to a join that has been left. */
  #current(name: string): Room | undefined {
    return this.#leaving.has(name) ? undefined : this.#rooms.get(name);
  }

  #onLeft(name: string): void {
    const due = (this.#leaving.get(name) ?? 0) - 1;
    if (due > 0) this.#leaving.set(name, due);
    else this.#leaving.delete(name);
  }

  #onRoomError(error: NonNullable<ServerFrame['roomError']>): void {
    // The gateway had dropped the room before our Leave arrived: that is as good as Left.
    if (this.#leaving.has(error.room) && error.refusal?.reason === 'REASON_NOT_JOINED')
      this.#onLeft(error.room);
    else this.#current(error.room)?.onRoomError(error);
  }

  #acknowledge(): void {
    for (const room of this.#rooms.values()) {
      const seq = room.takeAck();
      if (seq !== undefined) this.#dependencies.wire.send({ ack: { room: room.room, seq: String(seq) } });
    }
  }
}

function orFailed(save: () => void): void {
  try {
    save();
  } catch (error) {
    throw cursorStoreFailed(error);
  }
}
