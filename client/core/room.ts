import { backoffDelay } from '../../common/backoff.ts';
import type { Timer } from '../../common/clock.ts';
import { unprefixed } from '../../protos/enum-names.ts';
import type { Batch } from '../../protos/gen/live/v1/Batch.ts';
import type { CaughtUp } from '../../protos/gen/live/v1/CaughtUp.ts';
import type { ClientFrameInput } from '../../protos/gen/live/v1/ClientFrame.ts';
import type { Gap } from '../../protos/gen/live/v1/Gap.ts';
import type { _live_v1_Heartbeat_RoomStatus as RoomStatus } from '../../protos/gen/live/v1/Heartbeat.ts';
import type { Joined } from '../../protos/gen/live/v1/Joined.ts';
import type { Message as WireMessage } from '../../protos/gen/live/v1/Message.ts';
import type { Reset } from '../../protos/gen/live/v1/Reset.ts';
import type { RoomError } from '../../protos/gen/live/v1/RoomError.ts';
import { status } from '../../protos/status-codes.ts';
import type { Cursor } from './cursor.ts';
import { cursorFromWire, cursorToWire } from './cursor.ts';
import { LiveError, fromRefusal, tokenIsSpent } from './errors.ts';
import type { GapEvent, MessageEvent, ResetEvent, RoomEvent } from './messages.ts';
import { ephemeralFromWire, messageFromWire } from './messages.ts';
import { Position } from './position.ts';
import { RoomCredit } from './room-credit.ts';
import type { RoomHost, RoomSettings } from './room-host.ts';
import { Subscription } from './subscription.ts';
import type { Tokens } from './tokens.ts';
import type { RoomState as WireState } from '../../protos/gen/live/v1/RoomState.ts';
import { roomStateFromWire } from './room-state.ts';

type State =
  /** The cursor of an earlier run is being looked up. */
  | { kind: 'loading' }
  /** Ready to join, and not on the connection. */
  | { kind: 'detached' }
  /** Join is sent, Joined has not come. */
  | { kind: 'joining' }
  | { kind: 'replaying' }
  | { kind: 'live' }
  /** The gateway could not serve the room; `timer` joins again. */
  | { kind: 'retrying'; timer: Timer }
  | { kind: 'ended' };

/**
 * One room on one client, from look-up to end: joins, resumes and judges what comes. It knows two places: the *position*, up to which everything has been
 * accepted for the application (where a resume continues, because what waits will reach it), and the subscription's *cursor*, up to
 * which the application has handled everything (what is kept across restarts).
 */
export class Room {
  /** The application's side. */
  readonly subscription: Subscription;
  readonly #settings: RoomSettings;
  readonly #host: RoomHost<Room>;
  readonly #credit: RoomCredit;
  readonly #position = new Position();
  #state: State = { kind: 'loading' };
  #acked: bigint | undefined;
  /** Joins in a row that led to nothing. */
  #attempt = 0;

  constructor(settings: RoomSettings, host: RoomHost<Room>) {
    this.#settings = settings;
    this.#host = host;
    this.#credit = new RoomCredit(host.clock, settings.windowBytes, {
      grant: (bytes) => {
        // From the Join on: what it has granted itself does not cover what is taken before the answer comes.
        if (this.#attached() || this.#state.kind === 'joining') host.grant(this, bytes);
      },
      stalled: () => {
        if (this.#attached()) host.stalled(this);
      },
    });
    this.subscription = new Subscription(settings.room, settings.onGap, {
      taken: (bytes) => this.#credit.take(bytes),
      handled: settings.handled,
      left: () => this.#finish(),
    });
    settings.signal?.addEventListener('abort', this.#onAbort);
    if (settings.signal?.aborted) this.#onAbort();
  }

  get room(): string {
    return this.#settings.room;
  }

  get tokens(): Tokens {
    return this.#settings.tokens;
  }

  get state(): State['kind'] {
    return this.#state.kind;
  }

  /** The look-up is over: continues at `cursor` if there is one. */
  loaded(cursor: Cursor | undefined): void {
    if (this.#state.kind !== 'loading') return;
    this.#position.moveTo(cursor);
    this.subscription.begin(cursor);
    this.#setState({ kind: 'detached' });
  }

  /** The sequence to acknowledge, if it has changed since the last call. */
  takeAck(): bigint | undefined {
    const seq = this.subscription.cursor?.seq;
    if (seq === this.#acked || !this.#attached()) return undefined;
    this.#acked = seq;
    return seq;
  }

  /** The Join that continues where this room stands; it is on its way from now on. */
  joinFrame(token: string | undefined): ClientFrameInput {
    this.#setState({ kind: 'joining' });
    const { room, start } = this.#settings;
    const { cursor } = this.#position;
    const from = cursor ? { cursor: cursorToWire(cursor) } : { start };
    const creditBytes = this.#credit.begin(this.subscription.waitingBytes);
    return { join: { room, ...from, creditBytes, ...(token !== undefined && { token }) } };
  }

  /** The connection is gone. */
  detach(): void {
    if (this.#state.kind !== 'ended' && this.#state.kind !== 'loading') this.#setState({ kind: 'detached' });
  }

  /** Ends the iteration, with `error` if there is one, after what is queued. */
  end(error?: LiveError): void {
    this.subscription.end(error);
    this.#finish();
  }

  onJoined(joined: Joined): void {
    if (this.#state.kind !== 'joining') return;
    const cursor = cursorFromWire(required(joined.cursor));
    const outcome = unprefixed('OUTCOME', joined.outcome);
    const head = (this.subscription.head = BigInt(joined.head));
    // With GAP and RESET the cursor moves when they have been told, not before.
    const stays = outcome === 'GAP' || outcome === 'RESET' ? this.#position.cursor : undefined;
    const position = stays ?? this.#position.advance(cursor);
    if (position === 'missed') {
      this.#violated();
      return;
    }
    this.#setState({ kind: 'replaying' });
    this.#push({ kind: 'joined', room: this.room, cursor: position, head, outcome });
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
    else this.subscription.push(last, bytes);
  }

  #eventsOf(batch: Batch): RoomEvent[] {
    const { room } = this;
    const events: RoomEvent[] = [];
    for (const wire of batch.reliable) {
      const event = this.#accept(wire);
      if (event === 'missed') return events;
      if (event !== 'duplicate') events.push(event);
    }
    for (const wire of batch.ephemeral) {
      events.push({ kind: 'ephemeral', room, message: ephemeralFromWire(wire) });
    }
    if (batch.audience !== undefined && batch.audience !== this.subscription.audience) {
      this.subscription.audience = batch.audience;
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
    const cursor = this.#position.advance(cursorFromWire(required(caughtUp.cursor)));
    if (cursor === 'missed') {
      this.#violated();
      return;
    }
    this.#attempt = 0;
    this.#setState({ kind: 'live' });
    this.#push({ kind: 'caught-up', room: this.room, cursor });
    this.#host.settled();
  }

  onState(wire: WireState): void {
    if (!this.#attached()) return;
    const state = (this.subscription.state = roomStateFromWire(wire));
    this.#push({ kind: 'room-state', room: this.room, state });
  }

  onHeartbeat({ head, audience }: RoomStatus): void {
    const { subscription } = this;
    subscription.head = BigInt(head);
    if (subscription.audience === audience || !this.#attached()) return;
    subscription.audience = audience;
    this.#push({ kind: 'audience', room: this.room, count: audience });
  }

  onRoomError(wire: RoomError): void {
    this.refused(fromRefusal(required(wire.refusal)));
  }

  /** It cannot be served, for now or at all. */
  refused(error: LiveError): void {
    if (this.#state.kind === 'ended') return;
    this.#setState({ kind: 'detached' });
    const spent = tokenIsSpent(error) && !this.tokens.forget();
    if (spent || !error.retryable) {
      this.end(error);
      return;
    }
    const delayMs = Math.max(error.retryAfterMs, this.#backoffDelay());
    this.#retry(delayMs);
    this.#push({ kind: 'retrying', room: this.room, error, delayMs });
    this.#host.logger.warn('the gateway cannot serve a room for now', {
      room: this.room,
      delayMs,
      cause: error,
    });
  }

  #finish(): void {
    if (this.#state.kind === 'ended') return;
    if (this.#attached() || this.#state.kind === 'joining') this.#host.leave(this);
    this.#setState({ kind: 'ended' });
    this.#settings.signal?.removeEventListener('abort', this.#onAbort);
    this.#host.ended(this);
  }

  readonly #onAbort = (): void => {
    this.#finish();
    this.subscription.discard(this.#settings.signal?.reason);
  };

  #attached(): boolean {
    return this.#state.kind === 'replaying' || this.#state.kind === 'live';
  }

  /** Takes one reliable message, if it continues what came before. */
  #accept(wire: WireMessage): MessageEvent | 'duplicate' | 'missed' {
    const message = messageFromWire(wire);
    const cursor = this.#position.take(message);
    if (cursor === 'duplicate') {
      this.#host.counters.duplicatesDropped += 1;
      return cursor;
    }
    if (cursor === 'missed') {
      this.#violated();
      return cursor;
    }
    if (message.seq > this.subscription.head) this.subscription.head = message.seq;
    return { kind: 'message', room: this.room, message, cursor };
  }

  /** The history takes a turn that the application is told of. */
  #turn(event: GapEvent | ResetEvent): void {
    const { onGap } = this.#settings;
    if (onGap === 'continue') this.#position.moveTo(event.cursor);
    this.#push(event);
    if (onGap === 'stop') this.end();
    const { kind, ...facts } = event;
    const what = kind === 'gap' ? 'messages of a room are gone' : 'the history of a room is another one';
    this.#host.logger.warn(what, facts);
  }

  /** A message is missing that no gap was announced for: asks for it, at once the first time. */
  #violated(): void {
    this.#host.counters.continuityViolations += 1;
    this.#host.leave(this);
    this.#retry(this.#attempt === 0 ? 0 : this.#backoffDelay());
    this.#host.logger.warn('a message of a room did not come, and is asked for', {
      room: this.room,
      after: this.#position.cursor,
    });
  }

  /** Joins again from the position, `delayMs` from now. */
  #retry(delayMs: number): void {
    this.#attempt += 1;
    this.#setState({ kind: 'retrying', timer: this.#host.clock.after(delayMs, () => this.#host.join(this)) });
  }

  #backoffDelay(): number {
    return backoffDelay(this.#attempt, this.#settings.backoff, this.#host.random);
  }

  #push(event: RoomEvent): void {
    this.subscription.push(event);
  }

  #setState(next: State): void {
    if (this.#state.kind === 'retrying') this.#state.timer.cancel();
    this.#state = next;
    if (next.kind === 'ended' || next.kind === 'detached' || next.kind === 'retrying') this.#credit.end();
  }
}

function required<T>(field: T | null | undefined): T {
  if (field === null || field === undefined)
    throw new LiveError(status.INTERNAL, 'the gateway left out a field');
  return field;
}
