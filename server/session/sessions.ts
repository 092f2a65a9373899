import type { Timer } from '../../common/clock.ts';
import type { Random } from '../../common/random.ts';
import { sleep } from '../../common/sleep.ts';
import type { Disconnected } from '../auth/exclusions.ts';
import type { Fleet } from '../cluster/fleet.ts';
import type { SampledLog } from '../observability/sampled-log.ts';
import { sampledLog } from '../observability/sampled-log.ts';
import type { Carrier, TransportName } from './carrier.ts';
import { TRANSPORTS } from './carrier.ts';
import type { GoAway, SessionDependencies } from './session-dependencies.ts';
import { Session } from './session.ts';
import { SharedFrames } from './shared-frames.ts';
import { Failure } from './failure.ts';
import type { SessionPhase } from './session-state.ts';
import { PHASES } from './session-state.ts';
import type { Consumer, SlowConsumersEnded } from './slow-consumers.ts';
import { SlowConsumers } from './slow-consumers.ts';
import { StateFrames } from './state-frames.ts';
import { Welcomes } from './welcomes.ts';

/** A viewer that is sent away waits for a random time up to this before it connects again, in milliseconds. */
const MAX_PAUSE_MS = 250;
/** How long a stream may take to end after the drain window, in milliseconds. */
const GRACE_MS = 1_000;

/** How many streams are alike. */
export interface SessionKind {
  readonly transport: TransportName;
  readonly phase: SessionPhase;
  readonly count: number;
}

/** All viewers' streams of this gateway. */
export class Sessions {
  readonly #dependencies: SessionDependencies;
  readonly #sessions = new Set<Session>();
  /** Calls that are no viewers' streams. */
  readonly #others = new Set<Consumer>();
  readonly #timer: Timer;
  readonly #unwatch: () => void = () => undefined;
  /** Aborted when nobody is left of those that are sent away. */
  readonly #emptied = new AbortController();
  readonly #sampledLog: SampledLog;
  readonly #fleet: Fleet;
  readonly #random: Random;
  readonly #slowConsumers: SlowConsumers;
  readonly #goAways = new Map<GoAway['reason'], number>([
    ['DRAINING', 0],
    ['REBALANCING', 0],
  ]);
  #draining = false;
  #moved = 0;

  /**
   * @param slowConsumerMs how long a viewer may take nothing of a frame, in milliseconds
   * @param fleet knows where those that are sent away do best to go
   */
  constructor(
    dependencies: Omit<SessionDependencies, 'frames' | 'stateFrames' | 'welcomes' | 'sampledLog'>,
    slowConsumerMs: number,
    fleet: Fleet,
    random: Random,
  ) {
    const { authenticator, clock, logger, limits } = dependencies;
    this.#fleet = fleet;
    this.#random = random;
    this.#sampledLog = sampledLog(logger, clock);
    this.#dependencies = {
      ...dependencies,
      frames: new SharedFrames(),
      stateFrames: new StateFrames(),
      welcomes: new Welcomes(dependencies),
      sampledLog: this.#sampledLog,
    };
    this.#slowConsumers = new SlowConsumers(clock, slowConsumerMs);
    const periodMs = Math.max(20, Math.min(limits.heartbeatMs / 4, slowConsumerMs / 2, 1000));
    this.#timer = clock.every(periodMs, () => this.#sweep(periodMs));
    if (authenticator.kind === 'tokens')
      this.#unwatch = authenticator.exclusions.onChange((disconnected) => this.#exclude(disconnected));
  }

  /** Streams open now. */
  get count(): number {
    return this.#sessions.size;
  }

  /** The same, by what they are carried by, and how far they have come: each kind, also where there are none. */
  get kinds(): readonly SessionKind[] {
    const kinds = TRANSPORTS.flatMap((transport) => PHASES.map((phase) => ({ transport, phase, count: 0 })));
    for (const { tally, phase: its } of this.#sessions) {
      const kind = kinds.find(({ transport, phase }) => transport === tally.transport && phase === its);
      if (kind !== undefined) kind.count++;
    }
    return kinds;
  }

  /** How often viewers were asked to go, by the reason. */
  get goAways(): ReadonlyMap<string, number> {
    return this.#goAways;
  }

  /** Streams and connections of slow consumers that were ended. */
  get slowConsumers(): SlowConsumersEnded {
    return this.#slowConsumers.ended;
  }

  /** Streams that were moved to gateways with fewer. */
  get moved(): number {
    return this.#moved;
  }

  /** Whether everybody is being sent away. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Whether there is no other gateway where those that are sent away could go. */
  get alone(): boolean {
    return this.#fleet.alone;
  }

  /** Serves a viewer. */
  open(carrier: Carrier): Session {
    const session = new Session(carrier, this.#dependencies, (ended) => this.#forget(ended));
    this.#sessions.add(session);
    if (this.#draining) {
      session.connection?.takeNoMore();
      session.failed(new Failure('DRAINING', 'the gateway is going away: connect elsewhere'));
    }
    return session;
  }

  /** Holds a call that is no viewer's stream to what is asked of slow consumers, until the function returned is called. */
  watch(consumer: Consumer): () => void {
    this.#others.add(consumer);
    if (this.#draining) consumer.connection?.takeNoMore();
    return () => this.#others.delete(consumer);
  }

  /**
   * Sends everybody away: each viewer is served until its own random moment within `windowMs` milliseconds, so that
   * the other gateways are not stormed and nobody waits offline. Resolves when all have gone, or the window and
   * the grace have passed; the connections of those that are left are then terminated.
   */
  async drain(windowMs: number): Promise<void> {
    this.#draining = true;
    const { clock } = this.#dependencies;
    // A proxy would bring those that are sent away back by the same connection. One that has no stream now is told with its next.
    for (const consumers of [this.#sessions, this.#others])
      for (const { connection } of consumers) connection?.takeNoMore();
    const timers = [...this.#sessions].map((session) =>
      clock.after(this.#random() * windowMs, () => this.#sendAway(session, 'DRAINING')),
    );
    if (this.#sessions.size > 0) await sleep(clock, windowMs + GRACE_MS, this.#emptied.signal);
    for (const timer of timers) timer.cancel();
    this.close();
  }

  /**
   * Asks up to `viewers` to go to a gateway that has fewer, those that came first before the others: who was moved lately is not moved
   * again. How many were asked.
   */
  move(viewers: number): number {
    const moving: Session[] = [];
    for (const session of this.#sessions) {
      if (moving.length >= viewers) break;
      if (session.movable) moving.push(session);
    }
    for (const session of moving) this.#sendAway(session, 'REBALANCING');
    this.#moved += moving.length;
    return moving.length;
  }

  /** Ends the streams, and the rooms, of whoever is excluded from now on. */
  #exclude(disconnected: Disconnected): void {
    for (const session of this.#sessions) session.tokens?.review(disconnected);
  }

  /** Terminates the connections of whoever is left. */
  close(): void {
    this.#timer.cancel();
    this.#unwatch();
    for (const session of this.#sessions) session.destroy();
    this.#sampledLog.close();
  }

  #sendAway(session: Session, reason: GoAway['reason']): void {
    this.#goAways.set(reason, (this.#goAways.get(reason) ?? 0) + 1);
    // Not all at once, where many are sent away.
    const afterMs = Math.floor(this.#random() * MAX_PAUSE_MS);
    session.goAway({ reason, afterMs, endpoint: this.#fleet.destination() });
  }

  #forget(session: Session): void {
    this.#sessions.delete(session);
    if (this.#draining && this.#sessions.size === 0) this.#emptied.abort();
  }

  #sweep(periodMs: number): void {
    const nowMs = this.#dependencies.clock.monotonicMs();
    this.#dependencies.frames.forget();
    for (const session of this.#sessions) session.sweep(nowMs, periodMs);
    this.#slowConsumers.sweep([this.#sessions, this.#others]);
  }
}
