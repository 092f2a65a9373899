import { status } from '@grpc/grpc-js';
import type { Clock, Timer } from '../../common/clock.ts';
import type { Random } from '../../common/random.ts';
import type { Batch } from '../../protos/gen/live/v1/Batch.ts';
import type { CaughtUp } from '../../protos/gen/live/v1/CaughtUp.ts';
import type { Gap } from '../../protos/gen/live/v1/Gap.ts';
import type { _live_v1_Heartbeat_RoomStatus as RoomStatus } from '../../protos/gen/live/v1/Heartbeat.ts';
import type { Joined } from '../../protos/gen/live/v1/Joined.ts';
import type { Message as WireMessage } from '../../protos/gen/live/v1/Message.ts';
import type { Reset } from '../../protos/gen/live/v1/Reset.ts';
import type { RoomError } from '../../protos/gen/live/v1/RoomError.ts';
import type { StartInput } from '../../protos/gen/live/v1/Start.ts';
import { unprefixed } from '../../protos/enum-names.ts';
import type { ClientFrameInput } from '../../protos/live.ts';
import type { BackoffLimits } from '../../common/backoff.ts';
import { backoffDelay } from '../../common/backoff.ts';
import type { Counters } from './counters.ts';
import type { Cursor } from './cursor.ts';
import { cursorFromWire, cursorToWire } from './cursor.ts';
import { LiveError, fromRefusal } from './errors.ts';
import type { GapEvent, MessageEvent, ResetEvent, RoomEvent } from './messages.ts';
import { ephemeralFromWire, messageFromWire } from './messages.ts';
import { advance, judge } from './position.ts';
import { RoomCredit } from './room-credit.ts';
import { RoomQueue } from './room-queue.ts';
import type { RoomSubscription } from './subscription.ts';

/** How a room is to be followed. */
export interface RoomSettings {
  readonly room: string;
  /** Where to begin when no cursor is known. */
  readonly start: StartInput;
  /** What to do after a gap or reset was told: go on with what there is, or end the iteration. */
  readonly onGap: 'continue' | 'stop';
  /** What may wait for the application, in bytes of frames. */
  readonly windowBytes: number;
  readonly backoff: BackoffLimits;
  /** Told of every cursor up to which the application has handled everything. */
  readonly handled: (cursor: Cursor) => void;
}

/** What a room asks of the client that it belongs to. */
export interface RoomHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
  join(room: Room): void;
  leave(room: Room): void;
  /** Lets the gateway send so many bytes more of the room. */
  grant(room: Room, bytes: number): void;
  /** The room's window is used up, and the application takes nothing. */
  stalled(room: Room): void;
  /** A message came that the application did not have. */
  gained(): void;
  /** The room caught up. */
  settled(): void;
  /** The room is over. */
  ended(room: Room): void;
}

type State =
  /** The cursor of an earlier run is being looked up. */
  | { name: 'loading' }
  /** Ready to join, and not on the connection. */
  | { name: 'detached' }
  /** Join is sent, Joined has not come. */
  | { name: 'joining' }
  | { name: 'replaying' }
  | { name: 'live' }
  /** The gateway could not serve the room; `timer` joins again. */
  | { name: 'retrying'; timer: Timer }
  | { name: 'ended' };

/**
 * One room on one client. It knows two places: the *position*, up to which everything has been accepted into the
 * queue (where a resume continues, because what is queued will reach the application), and the *cursor*, up to
 * which the application has handled everything (what is kept across restarts).
 */
export class Room implements RoomSubscription {
  readonly #settings: RoomSettings;
  readonly #host: RoomHost;
  readonly #queue: RoomQueue<RoomEvent>;
  readonly #credit: RoomCredit;
  #state: State = { name: 'loading' };
  #position: Cursor | undefined;
  #cursor: Cursor | undefined;
  /** What the application will have handled when it asks for the next event. */
  #delivered: Cursor | undefined;
  #acked: bigint | undefined;
  #head = 0n;
  #audience = 0;
  /** Joins in a row that led to nothing. */
  #attempt = 0;
  #iterated = false;

  constructor(settings: RoomSettings, host: RoomHost) {
    this.#settings = settings;
    this.#host = host;
    this.#queue = new RoomQueue((bytes) => this.#credit.take(bytes));
    this.#credit = new RoomCredit(host.clock, settings.windowBytes, {
      grant: (bytes) => {
        // From the Join on: what it has granted itself does not cover what is taken before the answer comes.
        if (this.#attached() || this.#state.name === 'joining') host.grant(this, bytes);
      },
      stalled: () => {
        if (this.#attached()) host.stalled(this);
      },
    });
  }

  get room(): string {
    return this.#settings.room;
  }

  get cursor(): Cursor | undefined {
    return this.#cursor;
  }

  get head(): bigint {
    return this.#head;
  }

  get audience(): number {
    return this.#audience;
  }

  /** Whether the room still lacks what it asked for: its look-up, join or replay is under way, or has to be repeated. */
  get unsettled(): boolean {
    return this.#state.name !== 'live';
  }

  commit(): void {
    if (this.#delivered === undefined) return;
    this.#cursor = this.#delivered;
    this.#delivered = undefined;
    this.#settings.handled(this.#cursor);
  }

  leave(): void {
    this.#finish();
    this.#queue.discard();
  }

  [Symbol.asyncIterator](): AsyncIterator<RoomEvent, undefined> {
    if (this.#iterated) throw iteratedTwice(this.room);
    this.#iterated = true;
    return {
      next: async () => {
        this.#commitOrLeave();
        const result = await this.#queue.next();
        if (!result.done) this.#delivered = this.#cursorAfter(result.value);
        return result;
      },
      return: () => {
        this.leave();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  /** Whether the room has to be joined on a connection that is there. */
  get detached(): boolean {
    return this.#state.name === 'detached';
  }

  /** The look-up is over: continues at `cursor` if there is one. */
  loaded(cursor: Cursor | undefined): void {
    if (this.#state.name !== 'loading') return;
    this.#position = cursor;
    this.#cursor = cursor;
    this.#setState({ name: 'detached' });
  }

  /** The sequence to acknowledge, if it has changed since the last call. */
  takeAck(): bigint | undefined {
    const seq = this.#cursor?.seq;
    if (seq === this.#acked || !this.#attached()) return undefined;
    this.#acked = seq;
    return seq;
  }

  /** The Join that continues where this room stands; it is on its way from now on. */
  joinFrame(): ClientFrameInput {
    this.#setState({ name: 'joining' });
    const { room, start } = this.#settings;
    const from = this.#position ? { cursor: cursorToWire(this.#position) } : { start };
    return { join: { room, ...from, creditBytes: this.#credit.begin(this.#queue.bytes) } };
  }

  /** The connection is gone. */
  detach(): void {
    if (this.#state.name !== 'ended' && this.#state.name !== 'loading') this.#setState({ name: 'detached' });
  }

  /** Ends the iteration, with `error` if there is one, after what is queued. */
  end(error?: LiveError): void {
    this.#queue.end(error);
    this.#finish();
  }

  onJoined(joined: Joined): void {
    if (this.#state.name !== 'joining') return;
    const cursor = cursorFromWire(required(joined.cursor));
    const outcome = unprefixed('OUTCOME', joined.outcome);
    this.#head = BigInt(joined.head);
    // With GAP and RESET the cursor moves when they have been told, not before.
    const turning = outcome === 'GAP' || outcome === 'RESET';
    const next = turning ? (this.#position ?? cursor) : advance(this.#position, cursor);
    if (next === 'missed') {
      this.#violated();
      return;
    }
    this.#position = next;
    this.#setState({ name: 'replaying' });
    this.#push({ kind: 'joined', room: this.room, cursor: this.#position, head: this.#head, outcome });
  }

  /** @param bytes what the batch costs of the room's credit */
  onBatch(batch: Batch, bytes: number): void {
    if (!this.#attached()) return;
    this.#credit.spend(bytes);
    const events = this.#eventsOf(batch);
    if (events.some(({ kind }) => kind === 'message' || kind === 'ephemeral')) this.#host.gained();
    // Paid back when the last of them is taken.
    const last = events.pop();
    for (const event of events) this.#push(event);
    if (last === undefined) this.#credit.take(bytes);
    else this.#queue.push(last, bytes);
  }

  #eventsOf(batch: Batch): RoomEvent[] {
    const { room } = this;
    const events: RoomEvent[] = [];
    for (const wire of batch.reliable) {
      const event = this.#accept(wire);
      if (event === 'discontinuous') return events;
      if (event !== 'duplicate') events.push(event);
    }
    for (const wire of batch.ephemeral) {
      events.push({ kind: 'ephemeral', room, message: ephemeralFromWire(wire) });
    }
    if (batch.audience !== undefined && batch.audience !== this.#audience) {
      this.#audience = batch.audience;
      events.push({ kind: 'audience', room, count: batch.audience });
    }
    if (batch.ephemeralDropped > 0) {
      this.#host.counters.ephemeralDropped += batch.ephemeralDropped;
      events.push({ kind: 'dropped', room, count: batch.ephemeralDropped });
    }
    return events;
  }

  onGap(gap: Gap): void {
    if (!this.#attached()) return;
    const cursor = cursorFromWire(required(gap.cursor));
    const cause = unprefixed('CAUSE', gap.cause);
    this.#turn({
      kind: 'gap',
      room: this.room,
      after: BigInt(gap.after),
      next: BigInt(gap.next),
      cause,
      cursor,
    });
  }

  onReset(reset: Reset): void {
    if (!this.#attached()) return;
    const cursor = cursorFromWire(required(reset.cursor));
    this.#turn({ kind: 'reset', room: this.room, cause: unprefixed('CAUSE', reset.cause), cursor });
  }

  onCaughtUp(caughtUp: CaughtUp): void {
    if (!this.#attached()) return;
    const next = advance(this.#position, cursorFromWire(required(caughtUp.cursor)));
    if (next === 'missed') {
      this.#violated();
      return;
    }
    this.#position = next;
    this.#attempt = 0;
    this.#setState({ name: 'live' });
    this.#push({ kind: 'caughtUp', room: this.room, cursor: this.#position });
    this.#host.settled();
  }

  onHeartbeat(roomStatus: RoomStatus): void {
    this.#head = BigInt(roomStatus.head);
    const { audience } = roomStatus;
    if (this.#audience === audience || !this.#attached()) return;
    this.#audience = audience;
    this.#push({ kind: 'audience', room: this.room, count: audience });
  }

  onRoomError(wire: RoomError): void {
    if (this.#state.name === 'ended') return;
    const error = fromRefusal(required(wire.refusal));
    this.#setState({ name: 'detached' });
    if (!error.retryable) {
      this.end(error);
      return;
    }
    const delayMs = Math.max(error.retryAfterMs, this.#backoffDelay());
    this.#retry(delayMs);
    this.#push({ kind: 'retrying', room: this.room, error, delayMs });
  }

  /** An iterator that throws is not asked again: nobody would leave the room. */
  #commitOrLeave(): void {
    try {
      this.commit();
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  #finish(): void {
    if (this.#state.name === 'ended') return;
    if (this.#attached() || this.#state.name === 'joining') this.#host.leave(this);
    this.#setState({ name: 'ended' });
    this.#host.ended(this);
  }

  #attached(): boolean {
    return this.#state.name === 'replaying' || this.#state.name === 'live';
  }

  /** Takes one reliable message, if it continues what came before. */
  #accept(wire: WireMessage): MessageEvent | 'duplicate' | 'discontinuous' {
    const message = messageFromWire(wire);
    const position = required(this.#position);
    switch (judge(position, message)) {
      case 'duplicate':
        this.#host.counters.duplicatesDropped += 1;
        return 'duplicate';
      case 'discontinuous':
        this.#violated();
        return 'discontinuous';
      case 'next':
        this.#position = { epoch: position.epoch, seq: message.seq, fingerprint: message.fingerprint };
        if (message.seq > this.#head) this.#head = message.seq;
        return { kind: 'message', room: this.room, message, cursor: this.#position };
    }
  }

  /** The history takes a turn that the application is told of. */
  #turn(event: GapEvent | ResetEvent): void {
    if (this.#settings.onGap === 'continue') this.#position = event.cursor;
    this.#push(event);
    if (this.#settings.onGap === 'stop') this.end();
  }

  /** A message is missing that no gap was announced for: asks for it, at once the first time. */
  #violated(): void {
    this.#host.counters.continuityViolations += 1;
    this.#host.leave(this);
    this.#retry(this.#attempt === 0 ? 0 : this.#backoffDelay());
  }

  /** Joins again from the position, `delayMs` from now. */
  #retry(delayMs: number): void {
    this.#attempt += 1;
    this.#setState({ name: 'retrying', timer: this.#host.clock.after(delayMs, () => this.#host.join(this)) });
  }

  #backoffDelay(): number {
    return backoffDelay(this.#attempt, this.#settings.backoff, this.#host.random);
  }

  #cursorAfter(event: RoomEvent): Cursor | undefined {
    switch (event.kind) {
      case 'gap':
      case 'reset':
        return this.#settings.onGap === 'stop' ? undefined : event.cursor;
      case 'message':
      case 'caughtUp':
        return event.cursor;
      case 'joined':
        return event.outcome === 'GAP' || event.outcome === 'RESET' ? undefined : event.cursor;
      default:
        return undefined;
    }
  }

  #push(event: RoomEvent): void {
    this.#queue.push(event);
  }

  #setState(next: State): void {
    if (this.#state.name === 'retrying') this.#state.timer.cancel();
    this.#state = next;
    if (next.name === 'ended' || next.name === 'detached' || next.name === 'retrying') this.#credit.end();
  }
}

function iteratedTwice(room: string): LiveError {
  const advice = 'a subscription has one reader: hand its events on, or leave and join again';
  return new LiveError(status.FAILED_PRECONDITION, `room ${room} is iterated already; ${advice}`);
}

function required<T>(field: T | null | undefined): T {
  if (field === null || field === undefined)
    throw new LiveError(status.INTERNAL, 'the gateway left out a field');
  return field;
}
