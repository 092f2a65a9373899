import type { Clock } from '../../common/clock.ts';
import type { Asker } from '../../common/turns.ts';
import type { Join } from '../../protos/gen/live/v1/Join.ts';
import type { ServerFrameInput } from '../../protos/live.ts';
import type { Span, TraceParent } from '../observability/tracing.ts';
import type { Hub } from '../room/hub.ts';
import { NotWanted } from '../room/hub.ts';
import type { Room } from '../room/room.ts';
import type { JoinFrom } from '../room/start.ts';
import type { Subscription, Waker } from '../room/subscription.ts';
import type { Access } from './access.ts';
import { Failure } from './failure.ts';
import type { SessionDependencies, SessionLimits } from './session-dependencies.ts';
import { roomErrorFrame } from './frames.ts';
import { offered } from './offered-history.ts';
import { joinFrom, requireRoomName } from './requests.ts';
import type { SessionLog } from './session-log.ts';
import type { Traces } from './traces.ts';
import { fail } from './traces.ts';
import type { UserRates } from './user-rates.ts';

/** The session whose subscriptions they are. */
export interface Subscriber extends Asker {
  /** The largest frame that the client takes, in bytes. */
  readonly maxFrameBytes: number;
  readonly access: Pick<Access, 'spender' | 'user'>;
  /** Whether the client is told the states of its rooms. */
  readonly tellsStates: boolean;
  readonly log: Pick<SessionLog, 'id'>;
  /** Whose trace the stream is part of. */
  readonly traceParent: TraceParent | undefined;
  send(frame: ServerFrameInput): void;
  /** @throws Failure unless the client may watch the room */
  requireWatch(room: string): void;
  /** The client has nothing to do with the room any more. */
  left(room: string): void;
  /** What the client is to be told of an error; what it is not told is logged. */
  refuseRoom(error: unknown, room: string): Failure;
}

/** A room that is being opened: what the client grants meanwhile. */
interface Opening {
  readonly kind: 'opening';
  readonly name: string;
  creditBytes: number;
  acknowledged: number;
}

/** A room that the session has joined. */
interface Joined {
  readonly kind: 'joined';
  readonly name: string;
  readonly room: Room;
  readonly subscription: Subscription;
}

type SubscriptionsLimits = Pick<SessionLimits, 'rooms'>;

type SubscriptionsDependencies = Pick<
  SessionDependencies,
  'hub' | 'limits' | 'rates' | 'policies' | 'clock' | 'traces'
>;

/** The rooms of one session. What cannot be done is told to the client as RoomError; nothing here throws. */
export class Subscriptions {
  readonly #subscriber: Subscriber;
  readonly #hub: Hub;
  readonly #waker: Waker;
  readonly #limits: SubscriptionsLimits;
  readonly #rates: UserRates;
  readonly #policies: SessionDependencies['policies'];
  readonly #clock: Clock;
  readonly #traces: Traces | undefined;
  /** Few, mostly one: a map would take more memory. */
  #entries: readonly (Opening | Joined)[] = [];

  /** @param waker told when a subscription has something for the client */
  constructor(
    subscriber: Subscriber,
    waker: Waker,
    { hub, limits, rates, policies, clock, traces }: SubscriptionsDependencies,
  ) {
    this.#subscriber = subscriber;
    this.#hub = hub;
    this.#waker = waker;
    this.#limits = limits;
    this.#rates = rates;
    this.#policies = policies;
    this.#clock = clock;
    this.#traces = traces;
  }

  /** What heartbeats tell of the rooms that are joined. */
  get statuses(): { room: string; head: number; audience: number }[] {
    return this.#entries.flatMap((entry) =>
      entry.kind === 'opening'
        ? []
        : [{ room: entry.name, head: entry.room.head, audience: entry.room.audience }],
    );
  }

  /** Joined and all that follows it come by the subscription. */
  join({ room: name, cursor, start, creditBytes }: Join): void {
    const { traceParent, log } = this.#subscriber;
    const span = this.#traces?.join(traceParent, log.id);
    try {
      this.#requireJoinable(name);
      const from = offered(joinFrom(cursor, start), this.#policies.of(name), name, this.#clock.wallMs());
      const credit = creditBytes === undefined ? Infinity : Number(creditBytes);
      const opening: Opening = { kind: 'opening', name, creditBytes: credit, acknowledged: 0 };
      this.#entries = this.#entries.concat(opening);
      void this.#open(opening, from, span);
    } catch (error) {
      if (span !== undefined) fail(span, error);
      span?.end();
      this.refuse(name, error);
    }
  }

  /** Answers with Left; nothing of the room follows. */
  leave(name: string): void {
    const entry = this.#find(name);
    if (entry === undefined) {
      const room = JSON.stringify(name.slice(0, 80));
      return this.refuse(name, new Failure('NOT_JOINED', `room ${room} is not joined`));
    }
    this.#forget(entry);
    this.#subscriber.send({ left: { room: name } });
  }

  /** The client is told why it does not get what it has asked of a room. */
  refuse(name: string, error: unknown): void {
    this.#subscriber.send(roomErrorFrame(name, this.#subscriber.refuseRoom(error, name)));
  }

  /** The client is told why, and nothing else of the room any more. */
  lose(name: string, error: unknown): void {
    const entry = this.#find(name);
    if (entry === undefined) return;
    this.#forget(entry);
    this.refuse(name, error);
  }

  /** Names of the rooms that are joined, or will be. */
  get names(): string[] {
    return this.#entries.map(({ name }) => name);
  }

  /** Leaves every room without a word. */
  leaveAll(): void {
    for (const entry of this.#entries) this.#forget(entry);
  }

  /** Lets so many more bytes of a room's batches be sent. */
  grant(name: string, bytes: number): void {
    const entry = this.#find(name);
    if (entry?.kind === 'joined') entry.subscription.grant(bytes);
    else if (entry !== undefined) entry.creditBytes += bytes;
  }

  /** Notes how far the client's application has got. */
  acknowledge(name: string, seq: number): void {
    const entry = this.#find(name);
    if (entry?.kind === 'joined') entry.subscription.acknowledge(seq);
    else if (entry !== undefined) entry.acknowledged = Math.max(entry.acknowledged, seq);
  }

  /** A subscription has failed: the frame that says why. */
  failed(name: string, error: unknown): ServerFrameInput {
    const entry = this.#find(name);
    if (entry !== undefined) this.#forget(entry);
    return roomErrorFrame(name, this.#subscriber.refuseRoom(error, name));
  }

  #requireJoinable(name: string): void {
    requireRoomName(name);
    this.#subscriber.requireWatch(name);
    if (this.#find(name) !== undefined) throw new Failure('ALREADY_JOINED', `room ${name} is joined already`);
    const { rooms } = this.#limits;
    if (this.#entries.length >= rooms) {
      throw new Failure(
        'TOO_MANY_ROOMS',
        `a stream can join ${rooms} rooms: leave one, or open another stream`,
      );
    }
    const { access, log } = this.#subscriber;
    this.#rates.spend(access.spender(log.id), 'join');
  }

  async #open(opening: Opening, from: JoinFrom, span: Span | undefined): Promise<void> {
    const { name } = opening;
    span?.set({ 'live.start': from.kind });
    try {
      const wanted = (): boolean => this.#entries.includes(opening);
      const room = await this.#hub.acquire(name, { asker: this.#subscriber, from, wanted });
      if (this.#entries.includes(opening)) this.#join(opening, room, from);
      else this.#hub.release(room);
    } catch (error) {
      if (error instanceof NotWanted) return;
      const failure = this.#subscriber.refuseRoom(error, name);
      if (span !== undefined) fail(span, failure);
      // Left meanwhile: nobody waits for an answer.
      if (!this.#entries.includes(opening)) return;
      this.#forget(opening);
      this.#subscriber.send(roomErrorFrame(name, failure));
    } finally {
      span?.end();
    }
  }

  #join(opening: Opening, room: Room, from: JoinFrom): void {
    const { name, creditBytes, acknowledged } = opening;
    const { maxFrameBytes, access, tellsStates } = this.#subscriber;
    const reader = { user: access.user, told: tellsStates };
    const subscription = room.join(this.#waker, from, { maxFrameBytes, creditBytes, reader });
    const joined: Joined = { kind: 'joined', name, room, subscription };
    this.#entries = this.#entries.map((entry) => (entry === opening ? joined : entry));
    subscription.acknowledge(acknowledged);
  }

  #find(name: string): Opening | Joined | undefined {
    return this.#entries.find((entry) => entry.name === name);
  }

  #forget(entry: Opening | Joined): void {
    this.#entries = this.#entries.filter((other) => other !== entry);
    this.#subscriber.left(entry.name);
    if (entry.kind === 'opening') return;
    entry.subscription.leave();
    this.#hub.release(entry.room);
  }
}
