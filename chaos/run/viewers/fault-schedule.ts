import type { Clock, Timer } from '../../../common/clock.ts';
import type { AppliedFault, PlannedFault } from '../../record/recording.ts';

/** A fault in force. */
interface Standing {
  readonly planned: PlannedFault;
  readonly fromMs: number;
  readonly lift: () => void;
  readonly timer: Timer;
}

/** Applies planned faults when they are due and lifts them when they are over, until `heal`. */
export class FaultSchedule {
  readonly #clock: Clock;
  readonly #originMs: number;
  readonly #apply: (fault: PlannedFault) => () => void;
  readonly #onApplied: (fault: AppliedFault) => void;
  readonly #waiting: readonly Timer[];
  readonly #standing = new Map<number, Standing>();

  /**
   * @param originMs when the run's clock began, since the Unix epoch
   * @param apply applies a fault and returns what lifts it
   * @param onApplied told when a fault has been lifted
   */
  constructor(
    clock: Clock,
    originMs: number,
    faults: readonly PlannedFault[],
    apply: (fault: PlannedFault) => () => void,
    onApplied: (fault: AppliedFault) => void,
  ) {
    this.#clock = clock;
    this.#originMs = originMs;
    this.#apply = apply;
    this.#onApplied = onApplied;
    this.#waiting = faults.map((fault) => clock.after(fault.atMs - this.#nowMs(), () => this.#begin(fault)));
  }

  /** Names of the faults in force, and how often each. */
  get census(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { planned } of this.#standing.values()) counts[planned.name] = (counts[planned.name] ?? 0) + 1;
    return counts;
  }

  /** Lifts all that stands and applies no more. */
  heal(): void {
    for (const timer of this.#waiting) timer.cancel();
    for (const standing of [...this.#standing.values()]) this.#end(standing);
  }

  #begin(planned: PlannedFault): void {
    const fromMs = this.#nowMs();
    const lift = this.#apply(planned);
    const timer = this.#clock.after(planned.forMs, () => this.#end(standing));
    const standing: Standing = { planned, fromMs, lift, timer };
    this.#standing.set(planned.fault, standing);
    // What happens in a moment must not meet the connection that comes next.
    if (planned.forMs === 0) this.#end(standing);
  }

  #end({ planned: { fault }, fromMs, lift, timer }: Standing): void {
    timer.cancel();
    this.#standing.delete(fault);
    lift();
    this.#onApplied({ fault, fromMs, toMs: this.#nowMs() });
  }

  #nowMs(): number {
    return this.#clock.wallMs() - this.#originMs;
  }
}
