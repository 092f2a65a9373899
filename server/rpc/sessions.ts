import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import type { Timer } from '../../common/clock.ts';
import type { Random } from '../../common/random.ts';
import { sleep } from '../../common/sleep.ts';
import type { SampledLog } from '../ops/sampled.ts';
import { sampledLog } from '../ops/sampled.ts';
import type { SessionContext, Traffic } from './session.ts';
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
  #draining = false;

  /** @param stuckMs how long a viewer may take for one frame, in milliseconds */
  constructor(context: Omit<SessionContext, 'ended' | 'traffic' | 'comings'>, stuckMs: number) {
    const traffic = { saved: 0 };
    this.traffic = traffic;
    this.#comings = sampledLog(context.logger, context.clock);
    this.#context = {
      ...context,
      traffic,
      comings: this.#comings,
      ended: (session) => this.#forget(session),
    };
    const periodMs = Math.max(20, Math.min(context.limits.heartbeatMs / 4, stuckMs / 2, 1000));
    this.#timer = context.clock.every(periodMs, () => this.#tend(periodMs, stuckMs));
  }

  /** Streams open now. */
  get count(): number {
    return this.#sessions.size;
  }

  open(call: ServerInterceptingCallInterface): void {
    const session = new Session(call, this.#context);
    this.#sessions.add(session);
    if (this.#draining) session.dismiss(0, 'DRAINING');
  }

  /**
   * Sends everybody away: each viewer is served until its own random moment within `windowMs` milliseconds, so that
   * the other gateways are not stormed and nobody waits offline. Resolves when all have gone, or the window and
   * the grace have passed; who is left then is cut off.
   */
  async drain(windowMs: number, random: Random): Promise<void> {
    this.#draining = true;
    const { clock } = this.#context;
    const dismissals = [...this.#sessions].map((session) =>
      clock.after(random() * windowMs, () =>
        session.dismiss(Math.floor(random() * MAX_PAUSE_MS), 'DRAINING'),
      ),
    );
    if (this.#sessions.size > 0) await sleep(clock, windowMs + GRACE_MS, this.#emptied.signal);
    for (const dismissal of dismissals) dismissal.cancel();
    this.close();
  }

  /** Cuts off whoever is left. */
  close(): void {
    this.#timer.cancel();
    for (const session of this.#sessions) session.destroy();
    this.#comings.close();
  }

  #forget(session: Session): void {
    this.#sessions.delete(session);
    if (this.#draining && this.#sessions.size === 0) this.#emptied.abort();
  }

  #tend(periodMs: number, stuckMs: number): void {
    const nowMs = this.#context.clock.monotonicMs();
    for (const session of this.#sessions) session.tend(nowMs, periodMs, stuckMs);
  }
}
