import type { Clock, Timer } from '../../../common/clock.ts';
import type { PublishOutcome } from '../../upstream/publish-target.ts';
import type { UpstreamHealth } from '../health/upstream-health.ts';

/** How often an outage is looked into, and how long nothing may be stored before failures are called one; in milliseconds. */
const LOOK_MS = 2_000;
/** What nothing has shown for so long, in milliseconds, is not said any more: the next publish will tell. */
const EXPIRY_MS = 30_000;

const ADVICE = {
  full:
    'JetStream has no space: delete messages or raise the limit. If the disk was full, restart NATS after making space: it looks at ' +
    'the disk only when it starts',
  silent:
    'JetStream does not acknowledge what is published. If its log tells of a full disk, make space and restart NATS: it does not ' +
    'recover by itself',
};

/** What tells whether an outage is over, without anything being stored. Each may reject, which tells nothing. */
export interface PublishProbes {
  /** Whether there is a connection to NATS. */
  readonly up: boolean;
  /** Whether a message for the subject would reach the stream. */
  reaches(subject: string): Promise<boolean>;
  /** Whether NATS lets the gateway publish to a room that has nothing to do with any other. */
  isPermitted(): Promise<boolean>;
  /** Whether it can be seen that there is no space for so many bytes. */
  isFull(bytes: number): Promise<boolean>;
  /** Sequence of the stream's newest message, whoever published it. */
  lastSeq(): Promise<number>;
}

/** The message that an outage was seen with. */
export interface FailedMessage {
  readonly subject: string;
  readonly payload: Uint8Array;
}

type OutageCause = 'STORAGE_FULL' | 'PUBLISHES_FAILING';

/** What is wrong, and what can show that it is over. */
interface Outage {
  readonly kind: 'full' | 'unreachable' | 'silent' | 'forbidden';
  readonly message: FailedMessage;
  /** When it was last seen, on the monotonic clock. */
  seenMs: number;
  /** Whether a look has seen it, too: if none sees it any more, it is over. */
  visible: boolean;
  /** Sequence of the stream's newest message at the first look. */
  lastSeq: number | undefined;
}

/**
 * Tells by what publishes are answered whether they can be stored. An outage is over when a message is stored, when it is looked for and
 * not found (nobody may publish as long as it is told), or when nothing has shown it for a while.
 */
export class PublishHealth {
  readonly #health: Pick<UpstreamHealth, 'raise' | 'clear'>;
  readonly #probes: PublishProbes;
  readonly #clock: Clock;
  readonly #outages = new Map<OutageCause, Outage>();
  #storedMs = -Infinity;
  /** When the first message failed of those after the last that was stored. */
  #failingMs: number | undefined;
  /** Whether it is being found out what is permitted. */
  #asking = false;
  #timer: Timer | undefined;

  constructor(health: Pick<UpstreamHealth, 'raise' | 'clear'>, probes: PublishProbes, clock: Clock) {
    this.#health = health;
    this.#probes = probes;
    this.#clock = clock;
  }

  /**
   * Notes what came of a reliable message.
   * @param sentMs when it was sent, on the monotonic clock
   */
  observe(outcome: PublishOutcome, message: FailedMessage, sentMs: number): void {
    if (outcome.kind === 'stored') {
      this.#storedMs = this.#clock.monotonicMs();
      this.#failingMs = undefined;
      return;
    }
    // Without a connection that is all there is to tell.
    if (!this.#probes.up) return;
    const { detail } = outcome;
    if (outcome.kind === 'unknown') {
      return this.#suspect('silent', message, `${ADVICE.silent} (${detail})`, sentMs);
    }
    switch (outcome.refusal) {
      case 'full':
        return this.#see('STORAGE_FULL', 'full', message, `${ADVICE.full} (${detail})`);
      case 'unfit':
        return this.#see('PUBLISHES_FAILING', 'unreachable', message, detail);
      case 'unready':
        return this.#suspect('unreachable', message, detail, sentMs);
      case 'forbidden':
        return void this.#askPermission(message, detail);
      case 'away':
      case 'rejected':
        return;
    }
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** A failure or two are no outage, as when the stream gets another leader; nothing but failures for a while are. */
  #suspect(kind: Outage['kind'], message: FailedMessage, detail: string, sentMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    this.#failingMs ??= Math.max(sentMs, this.#storedMs);
    if (nowMs - this.#failingMs >= LOOK_MS) this.#see('PUBLISHES_FAILING', kind, message, detail);
  }

  /** One room says nothing of the others: whoever may name a room must not be able to make the gateway look bad. */
  async #askPermission(message: FailedMessage, detail: string): Promise<void> {
    if (this.#asking || this.#outages.get('PUBLISHES_FAILING')?.kind === 'forbidden') return;
    this.#asking = true;
    const permitted = await this.#probes.isPermitted().catch(() => true);
    this.#asking = false;
    if (!permitted) this.#see('PUBLISHES_FAILING', 'forbidden', message, detail);
  }

  #see(cause: OutageCause, kind: Outage['kind'], message: FailedMessage, detail: string): void {
    const seenMs = this.#clock.monotonicMs();
    const before = this.#outages.get(cause);
    if (before?.kind === kind) before.seenMs = seenMs;
    else this.#outages.set(cause, { kind, message, seenMs, visible: false, lastSeq: undefined });
    this.#health.raise(cause, detail);
    this.#timer ??= this.#lookLater();
  }

  #lookLater(): Timer {
    return this.#clock.after(LOOK_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    for (const [cause, outage] of this.#outages) {
      const lookedMs = this.#clock.monotonicMs();
      const found = await this.#find(outage).catch(() => 'unclear' as const);
      // Something else is wrong meanwhile.
      if (this.#outages.get(cause) !== outage) continue;
      if (found === 'lasts') outage.seenMs = lookedMs;
      const over = found === 'over' && outage.seenMs <= lookedMs;
      if (!over && this.#clock.monotonicMs() - outage.seenMs < EXPIRY_MS) continue;
      this.#outages.delete(cause);
      this.#health.clear(cause);
    }
    if (this.#timer === undefined) return;
    this.#timer = this.#outages.size === 0 ? undefined : this.#lookLater();
  }

  async #find(outage: Outage): Promise<'over' | 'lasts' | 'unclear'> {
    const { kind, message, seenMs } = outage;
    if (!this.#probes.up || this.#clock.monotonicMs() - seenMs < LOOK_MS) return 'unclear';
    if (kind === 'forbidden') return (await this.#probes.isPermitted()) ? 'over' : 'lasts';
    if (kind === 'unreachable') return (await this.#probes.reaches(message.subject)) ? 'over' : 'lasts';
    if (this.#storedMs > seenMs) return 'over';
    if (kind === 'full') {
      const full = await this.#probes.isFull(message.payload.byteLength);
      if (!full) return outage.visible ? 'over' : 'unclear';
      outage.visible = true;
      return 'lasts';
    }
    if (!(await this.#probes.reaches(message.subject))) return 'lasts';
    const lastSeq = await this.#probes.lastSeq();
    outage.lastSeq ??= lastSeq;
    return lastSeq > outage.lastSeq ? 'over' : 'unclear';
  }
}
