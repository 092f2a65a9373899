import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import type { Timer } from '../../common/clock.ts';
import type { Random } from '../../common/random.ts';
import { sleep } from '../../common/sleep.ts';
import type { Fleet } from '../cluster/fleet.ts';
import type { SampledLog } from '../observability/sampled-log.ts';
import { sampledLog } from '../observability/sampled-log.ts';
import { Sanctions } from './slow-consumers.ts';
import type { Dismissal, SessionContext, Traffic } from './session.ts';
import { Session } from './session.ts';

/** A viewer that is sent away waits for a random time up to this before it connects again, in milliseconds. */
const MAX_PAUSE_MS = 250;
/** How long a stream may take to end after the drain window, in milliseconds. */
const GRACE_MS = 1_000;

/** All viewers' streams of this gateway. */
export class Sessions {
  readonly traffic: Readonly<Traffic>;
  readonly #context: SessionContext;
  readonly #sessions = new Set<Session>();
  readonly #timer: Timer;
  /** Aborted when nobody is left of those that are sent away. */
  readonly #emptied = new AbortController();
  readonly #comings: SampledLog;
  readonly #fleet: Fleet;
  readonly #random: Random;
  readonly #sanctions: Sanctions;
  #draining = false;
  #moved = 0;

  /**
   * @param stuckMs how long a viewer may take nothing of a frame, in milliseconds
   * @param fleet knows where those that are sent away do best to go
   */
  constructor(
    context: Omit<SessionContext, 'ended' | 'traffic' | 'comings'>,
    stuckMs: number,
    fleet: Fleet,
    random: Random,
  ) {
    const traffic = { saved: 0 };
    this.traffic = traffic;
    this.#fleet = fleet;
    this.#random = random;
    this.#comings = sampledLog(context.logger, context.clock);
    this.#context = {
      ...context,
      traffic,
      comings: this.#comings,
      ended: (session) => this.#forget(session),
    };
    this.#sanctions = new Sanctions(context.clock, stuckMs);
    const periodMs = Math.max(20, Math.min(context.limits.heartbeatMs / 4, stuckMs / 2, 1000));
    this.#timer = context.clock.every(periodMs, () => this.#tend(periodMs));
  }

  /** Streams open now. */
  get count(): number {
    return this.#sessions.size;
  }

  /** Streams that were moved to gateways with fewer. */
  get moved(): number {
    return this.#moved;
  }

  /** Whether everybody is being sent away. */
  get draining(): boolean {
    return this.#draining;
  }

  open(call: ServerInterceptingCallInterface): void {
    const session = new Session(call, this.#context);
    this.#sessions.add(session);
    if (this.#draining) session.dismiss(this.#elsewhere('DRAINING', 0));
  }

  /**
   * Sends everybody away: each viewer is served until its own random moment within `windowMs` milliseconds, so that
   * the other gateways are not stormed and nobody waits offline. Resolves when all have gone, or the window and
   * the grace have passed; who is left then is cut off.
   */
  async drain(windowMs: number): Promise<void> {
    this.#draining = true;
    const { clock } = this.#context;
    const dismissals = [...this.#sessions].map((session) =>
      clock.after(this.#random() * windowMs, () => session.dismiss(this.#elsewhere('DRAINING'))),
    );
    if (this.#sessions.size > 0) await sleep(clock, windowMs + GRACE_MS, this.#emptied.signal);
    for (const dismissal of dismissals) dismissal.cancel();
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
    for (const session of moving) session.dismiss(this.#elsewhere('REBALANCING'));
    this.#moved += moving.length;
    return moving.length;
  }

  /** Cuts off whoever is left. */
  close(): void {
    this.#timer.cancel();
    for (const session of this.#sessions) session.destroy();
    this.#comings.close();
  }

  /** Not all at once, where many are sent away. */
  #elsewhere(reason: Dismissal['reason'], maxPauseMs = MAX_PAUSE_MS): Dismissal {
    return { reason, afterMs: Math.floor(this.#random() * maxPauseMs), endpoint: this.#fleet.destination() };
  }

  #forget(session: Session): void {
    this.#sessions.delete(session);
    if (this.#draining && this.#sessions.size === 0) this.#emptied.abort();
  }

  #tend(periodMs: number): void {
    const nowMs = this.#context.clock.monotonicMs();
    for (const session of this.#sessions) session.tend(nowMs, periodMs);
    this.#sanctions.apply(this.#sessions);
  }
}
