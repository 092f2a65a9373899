import type { Clock } from '../../common/clock.ts';

/**
 * How long who waits for NATS waits without anything from it, in milliseconds, and after how long a silence of his own he says that he
 * still waits. Our client waits 10 s for a part: what is known when the time is up reaches it.
 */
const PATIENCE_MS = 8_000;
const SIGN_MS = 4_000;
/**
 * What NATS sends may all be for others. Of what is waited for something must come in so long, in milliseconds: a message of 15 MB at
 * 50 kB/s.
 */
const PART_MS = 300_000;
/** How often is looked, in milliseconds. */
const LOOK_MS = 1_000;

/** Whether what was asked of NATS may still come. */
export interface UpstreamLife {
  /** Bytes received from NATS since the start. */
  readonly received: number;
  /** Whether the stream can be asked: what comes otherwise is not what was asked for. */
  readonly answers: boolean;
}

/**
 * The patience of one who waits for what the stream holds. Time in which NATS sends something is not waiting: a slow link takes its time
 * for a large message.
 */
export class Patience {
  readonly #clock: Clock;
  readonly #life: UpstreamLife;
  readonly #stop: () => void;
  #received: number;
  #movedMs: number;
  /** When something was last sent to whoever waits for us, and when that was more than a sign. */
  #saidMs: number;
  #partMs: number;
  #signDue = false;

  /** @param signDue called when whoever waits for us is to be told that we still wait, until {@link stop} */
  constructor(clock: Clock, life: UpstreamLife, signDue: () => void) {
    this.#clock = clock;
    this.#life = life;
    this.#received = life.received;
    this.#movedMs = this.#saidMs = this.#partMs = clock.monotonicMs();
    const timer = clock.every(LOOK_MS, () => this.#look(signDue));
    this.#stop = () => timer.cancel();
  }

  /** For how long to wait on, in milliseconds; 0 when there is no point in it. */
  get leftMs(): number {
    const endMs = Math.min(this.#movedMs + PATIENCE_MS, this.#partMs + PART_MS);
    return Math.max(0, endMs - this.#clock.monotonicMs());
  }

  /** A part of what is waited for was sent on. */
  progressed(): void {
    this.#signDue = false;
    this.#movedMs = this.#saidMs = this.#partMs = this.#clock.monotonicMs();
  }

  /** Whether whoever waits for us is to be told that we still wait; once for each time that it is due. */
  takeSign(): boolean {
    const due = this.#signDue;
    this.#signDue = false;
    return due;
  }

  stop(): void {
    this.#stop();
  }

  #look(signDue: () => void): void {
    const { received, answers } = this.#life;
    const nowMs = this.#clock.monotonicMs();
    const moves = answers && received > this.#received;
    this.#received = received;
    if (!moves) return;
    this.#movedMs = nowMs;
    if (nowMs < this.#saidMs + SIGN_MS) return;
    this.#saidMs = nowMs;
    this.#signDue = true;
    signDue();
  }
}

/** Why there is no point in waiting on. */
export const OUT_OF_PATIENCE = 'nothing of it came from NATS in time';
