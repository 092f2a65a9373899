import assert from 'node:assert/strict';
import type { RoomEvent } from '../../chaos/oracle/history.ts';
import type { Cursor } from '../../protos/gen/live/v1/Cursor.ts';
import type { ServerFrame } from '../../protos/live.ts';
import { unprefixed } from '../../protos/enum-names.ts';
import { liveService } from '../../protos/live.ts';
import { bareFrame } from '../../server/log/frame-prefix.ts';
import type { HubLimits } from '../../server/room/hub.ts';
import { ViewerCounts } from '../../server/cluster/viewer-counts.ts';
import { Hub } from '../../server/room/hub.ts';
import { Writer } from '../../server/session/writer.ts';
import type { Position } from '../../server/log/position.ts';
import type { Room } from '../../server/room/room.ts';
import type { RoomEvent as RoomNotice } from '../../server/room/event.ts';
import type { JoinFrom, SubscriptionLimits } from '../../server/room/start.ts';
import { OPEN_TO_ALL } from '../../server/auth/authenticator.ts';
import { Refusals } from '../../server/session/refusals.ts';
import { Scheduler } from '../../server/session/scheduler.ts';
import type { Subscription } from '../../server/room/subscription.ts';
import { Fleet } from '../../server/cluster/fleet.ts';
import { createLogger } from '../../server/observability/logging.ts';
import { Policies } from '../../server/policy/policies.ts';
import { PublishService } from '../../server/session/publish-service.ts';
import { Sessions } from '../../server/session/sessions.ts';
import { seededRandom } from '../../common/random.ts';
import { encodeFrame } from '../../server/session/encode-frame.ts';
import { noticeFrame } from '../../server/session/frames.ts';
import { NO_CAUSES } from '../../server/upstream/upstream-cause.ts';
import { ManualClock } from './manual-clock.ts';
import { settle } from './settle.ts';
import type { StreamModel } from './stream-model.ts';
import { Traffic } from '../../server/session/traffic.ts';
import type { UserRates } from '../../server/session/user-rates.ts';
import { unlimited } from './unlimited.ts';

export const LIMITS: HubLimits = {
  roomLogBytes: 1 << 20,
  logBytes: 1 << 22,
  lingerMs: 5_000,
  lingeringRooms: 10,
  maxCheckMs: 30_000,
  audienceMs: 1e9,
  ephemeralRate: Infinity,
};

const SESSION_LIMITS = {
  rooms: 10,
  publishes: 1,
  heartbeatMs: 4_000,
  tokenGraceMs: 30_000,
  helloMs: 10_000,
};
/** How long a viewer may take for one frame, in milliseconds. */
const SLOW_CONSUMER_MS = 100_000;

/** A gateway without gRPC and NATS: rooms and sessions between a {@link StreamModel} and viewers, on a clock set by hand. */
export class CoreGateway {
  readonly clock: ManualClock;
  readonly stream: StreamModel;
  readonly hub: Hub;
  readonly scheduler: Scheduler;
  readonly traffic: Traffic;
  #sessions: Sessions | undefined;
  #rates: UserRates | undefined;
  /** Slices of work that wait for their turn of the event loop. */
  #deferred = 0;

  constructor(stream: StreamModel, clock = new ManualClock(), limits: Partial<HubLimits> = {}) {
    this.stream = stream;
    this.clock = clock;
    this.traffic = new Traffic(clock);
    this.hub = new Hub(stream, new ViewerCounts('g'), clock, { ...LIMITS, ...limits });
    this.scheduler = new Scheduler(
      () => clock.monotonicMs(),
      (fn) => {
        this.#deferred++;
        setImmediate(() => {
          this.#deferred--;
          fn();
        });
      },
      { yielded: () => this.traffic.add(), passed: () => undefined },
    );
  }

  /** Viewers' streams; made when there is a first one. */
  get sessions(): Sessions {
    const { hub, scheduler, clock, traffic } = this;
    const rates = (this.#rates ??= unlimited(clock));
    const policies = new Policies();
    const nowhere = { reliable: () => assert.fail(), ephemeral: () => assert.fail() };
    this.#sessions ??= new Sessions(
      {
        hub,
        scheduler,
        traffic,
        clock,
        publishing: new PublishService(nowhere, { maxPayload: 1 << 20, policies }, rates, clock),
        rates,
        policies,
        logger: createLogger('silent'),
        refusals: new Refusals(createLogger('silent')),
        limits: SESSION_LIMITS,
        authenticator: OPEN_TO_ALL,
        epoch: () => this.stream.epoch,
        upstreamCauses: () => NO_CAUSES,
      },
      SLOW_CONSUMER_MS,
      new Fleet('LIVE'),
      seededRandom(1),
    );
    return this.#sessions;
  }

  /** Whether slices of work wait for their turn. */
  get busy(): boolean {
    return this.#deferred > 0;
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < 1_000; turns++) {
      await settle(2);
      if (this.#deferred === 0) return;
    }
    assert.fail('it never comes to rest');
  }

  /** Moves time on in small steps, and lets everything happen that follows. */
  async pass(ms: number, stepMs = 100): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(left, stepMs));
      await this.settle();
    }
  }

  close(): void {
    this.#sessions?.close();
    this.#rates?.close();
    this.hub.close();
  }
}

/** What reached a client, in a short form that reads well in assertions. */
export type Told =
  | `joined ${number} ${string}`
  | `message ${number}`
  | `gap ${number}..${number}`
  | `reset ${string} ${number}`
  | `caught-up ${number}`
  | `ephemeral ${string}`
  | `dropped ${number}`
  | `audience ${number}`
  | `failed ${string}`;

/**
 * A client at the end of one transport, with the rules of the real one: it has a position in each room, checks that
 * every message continues it, and resumes from it. It records what it was told.
 */
export class ModelClient {
  readonly name: string;
  readonly events: RoomEvent[] = [];
  readonly told: Told[] = [];
  /** Rooms of the frames that came, in order; '' for urgent ones. */
  readonly frameRooms: string[] = [];
  readonly positions = new Map<string, Position>();
  /** Messages that did not continue the position, and gaps that skip what is held. */
  readonly discontinuities: string[] = [];
  frames = 0;
  bytes = 0;
  #gateway: CoreGateway;
  #writer: Writer;
  #rooms = new Map<string, { subscription: Subscription; room: Room }>();
  #joining = new Set<string>();
  #transport: { readonly kind: 'open' } | { readonly kind: 'blocked'; done: (() => void) | undefined } = {
    kind: 'open',
  };
  #generation = 0;

  constructor(gateway: CoreGateway, name = 'v') {
    this.name = name;
    this.#gateway = gateway;
    this.#writer = this.#connect();
  }

  get writer(): Writer {
    return this.#writer;
  }

  subscriptionTo(room: string): Subscription | undefined {
    return this.#rooms.get(room)?.subscription;
  }

  /** Whether it has joined the room, or is about to. */
  has(room: string): boolean {
    return this.#rooms.has(room) || this.#joining.has(room);
  }

  /** Joins; with the position it has, if any and no other start is given. */
  async join(name: string, from?: JoinFrom, limits: SubscriptionLimits = {}): Promise<void> {
    const generation = this.#generation;
    const position = this.positions.get(name);
    const start: JoinFrom = from ?? (position ? { kind: 'cursor', cursor: position } : { kind: 'live' });
    const joining = this.#joining;
    joining.add(name);
    try {
      const { hub } = this.#gateway;
      const room = await hub.acquire(name, { from: start });
      if (generation !== this.#generation) {
        hub.release(room);
        return;
      }
      this.#rooms.set(name, { subscription: room.join(this.#writer, start, limits), room });
    } catch (error) {
      if (generation === this.#generation) this.leave(name);
      throw error;
    } finally {
      joining.delete(name);
    }
  }

  leave(name: string): void {
    const joined = this.#rooms.get(name);
    if (joined === undefined) return;
    this.#rooms.delete(name);
    joined.subscription.leave();
    this.#gateway.hub.release(joined.room);
  }

  /** The connection breaks, and is made again, to another gateway if one is given. Rooms are to be joined again. */
  reconnect(gateway = this.#gateway): void {
    this.disconnect();
    this.#gateway = gateway;
    this.#transport = { kind: 'open' };
    this.#writer = this.#connect();
  }

  disconnect(): void {
    this.#generation++;
    this.#joining = new Set();
    for (const name of [...this.#rooms.keys()]) this.leave(name);
    this.#writer.close();
  }

  /** The transport takes one more frame and then none. */
  block(): void {
    if (this.#transport.kind === 'open') this.#transport = { kind: 'blocked', done: undefined };
  }

  unblock(): void {
    if (this.#transport.kind === 'open') return;
    const { done } = this.#transport;
    this.#transport = { kind: 'open' };
    done?.();
  }

  /** Lets one more frame through while blocked. */
  step(): void {
    if (this.#transport.kind === 'open') return;
    const { done } = this.#transport;
    this.#transport = { kind: 'blocked', done: undefined };
    done?.();
  }

  send(frame: Buffer): void {
    this.#writer.send(frame);
  }

  #connect(): Writer {
    const generation = this.#generation;
    let inFlight = false;
    const write = (frames: readonly Buffer[]): void => {
      assert.ok(!inFlight, 'two writes in flight');
      inFlight = true;
      for (const frame of frames) if (generation === this.#generation) this.#receive(frame);
      const finish = (): void => {
        inFlight = false;
        writer.written();
      };
      if (this.#transport.kind === 'blocked') this.#transport.done = finish;
      else queueMicrotask(finish);
    };
    const frameOf = (event: RoomNotice, room: string): Buffer => {
      if (event.kind === 'batch') return event.frame.plain;
      assert.ok(event.kind !== 'state' && event.kind !== 'dismissed', 'rooms have no state here');
      if (event.kind !== 'failed') return encodeFrame(noticeFrame(event, room));
      this.told.push(`failed ${(event.error as Error).name}`);
      this.leave(room);
      return encodeFrame({ roomError: { room } });
    };
    const failed = (error: unknown): never => {
      throw error;
    };
    const writer = new Writer({ write, frameOf, failed }, this.#gateway.scheduler, this.#gateway.clock);
    return writer;
  }

  #receive(bytes: Buffer): void {
    this.frames++;
    this.bytes += bytes.length;
    const frame = liveService.Connect.responseDeserialize(bareFrame(bytes));
    const { room } = frame.joined ??
      frame.batch ??
      frame.gap ??
      frame.reset ??
      frame.caughtUp ?? { room: '' };
    this.frameRooms.push(room);
    const atMs = this.#gateway.clock.monotonicMs();
    const note = (told: Told, event: Untold): void => {
      this.told.push(told);
      this.events.push({ room, atMs, ...event });
    };
    if (frame.joined) {
      const { head } = frame.joined;
      const outcome = unprefixed('OUTCOME', frame.joined.outcome);
      const cursor = positionOf(frame.joined.cursor);
      const turning = outcome === 'GAP' || outcome === 'RESET';
      if (!turning || !this.positions.has(room)) this.#advance(room, cursor);
      note(`joined ${cursor.seq} ${outcome}`, {
        kind: 'joined',
        ...place(cursor),
        head: Number(head),
        outcome: outcome as 'STARTED',
      });
    } else if (frame.gap) {
      const { after, next } = frame.gap;
      this.positions.set(room, positionOf(frame.gap.cursor));
      const expected = this.#gapExpected(room, Number(after), Number(next));
      const { epoch, seq } = positionOf(frame.gap.cursor);
      const held = epoch === this.#gateway.stream.epoch ? this.#gateway.stream.heldOf(room) : [];
      const skipped = held.filter((one) => one > Number(after) && one <= seq);
      if (skipped.length > 0) this.discontinuities.push(`a gap skips ${skipped.join()}`);
      note(`gap ${Number(after)}..${Number(next)}`, {
        kind: 'gap',
        after: Number(after),
        next: Number(next),
        expected,
      });
    } else if (frame.reset) {
      const cursor = positionOf(frame.reset.cursor);
      const expected =
        this.positions.get(room)?.epoch !== cursor.epoch || this.#gateway.stream.rewinds.length > 0;
      this.positions.set(room, cursor);
      note(`reset ${unprefixed('CAUSE', frame.reset.cause)} ${cursor.seq}`, {
        kind: 'reset',
        ...place(cursor),
        expected,
      });
    } else if (frame.caughtUp) {
      const cursor = positionOf(frame.caughtUp.cursor);
      this.#advance(room, cursor);
      note(`caught-up ${cursor.seq}`, { kind: 'caught-up', ...place(cursor) });
    } else if (frame.batch) {
      this.#receiveBatch(room, frame.batch, note);
    }
  }

  #receiveBatch(
    room: string,
    batch: NonNullable<ServerFrame['batch']>,
    note: (told: Told, event: Untold) => void,
  ): void {
    for (const { seq: text, prevSeq, id, fingerprint } of batch.reliable) {
      const position = this.positions.get(room);
      const seq = Number(text);
      assert.ok(position !== undefined, 'a message before Joined');
      if (seq <= position.seq || Number(prevSeq) > position.seq) {
        this.discontinuities.push(`${seq} (after ${prevSeq}) came at ${position.seq}`);
      }
      this.positions.set(room, { epoch: position.epoch, seq, fingerprint });
      const { epoch } = position;
      note(`message ${seq}`, { kind: 'message', epoch, seq, prevSeq: Number(prevSeq), id });
    }
    for (const { payload } of batch.ephemeral) note(`ephemeral ${payload.toString()}`, { kind: 'ephemeral' });
    const count = batch.ephemeralDropped;
    if (count > 0) note(`dropped ${count}`, { kind: 'dropped', count });
    if (batch.audience !== undefined) this.told.push(`audience ${batch.audience}`);
  }

  #advance(room: string, told: Position): void {
    const position = this.positions.get(room);
    if (position === undefined) this.positions.set(room, told);
    else if (position.epoch !== told.epoch) return;
    else if (told.seq > position.seq || (told.seq === position.seq && position.fingerprint === 0)) {
      this.positions.set(room, told);
    }
  }

  /** Whether something that was stored in between, or where it begins, is gone; of any room: the stream tells no more. */
  #gapExpected(room: string, after: number, next: number): boolean {
    const { stream } = this.#gateway;
    const epoch = this.positions.get(room)?.epoch;
    return stream.stored.some(
      (message) =>
        message.epoch === epoch && message.seq >= after && message.seq < next && !stream.holds(message.seq),
    );
  }
}

type Untold = RoomEvent extends infer E ? (E extends RoomEvent ? Omit<E, 'room' | 'atMs'> : never) : never;

function place({ epoch, seq }: Position): { epoch: string; seq: number } {
  return { epoch, seq };
}

function positionOf(cursor: Cursor | null | undefined): Position {
  assert.ok(cursor, 'a frame without its cursor');
  return { epoch: cursor.epoch, seq: Number(cursor.seq), fingerprint: cursor.fingerprint };
}
