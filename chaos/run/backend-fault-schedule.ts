import type { Clock } from '../../common/clock.ts';
import { withDeadline } from '../../common/deadline.ts';
import { sleep } from '../../common/sleep.ts';
import type { AppliedFault, PlannedFault } from '../record/recording.ts';

/** What the schedule of backend faults depends on. */
export interface BackendFaultScheduleOptions {
  readonly faults: readonly PlannedFault[];
  /** Applies a fault until `lifted` aborts; resolves when what it hit works again. */
  readonly apply: (fault: PlannedFault, lifted: AbortSignal) => Promise<void>;
  readonly onApplied: (fault: AppliedFault) => void;
  readonly clock: Clock;
  /** The run's clock. */
  readonly nowMs: () => number;
}

/** Applies the backend faults one after the other: one that takes longer than planned delays the next. */
export class BackendFaultSchedule {
  /** Resolves when the last fault is over, or after `heal`; rejects when a fault could not be applied or lifted. */
  readonly over: Promise<void>;
  readonly #options: BackendFaultScheduleOptions;
  readonly #healed = new AbortController();
  #inForce: string | undefined;

  constructor(options: BackendFaultScheduleOptions) {
    this.#options = options;
    this.over = this.#go();
    this.over.catch(() => undefined);
  }

  /** Name of the fault in force. */
  get current(): string | undefined {
    return this.#inForce;
  }

  /** Ends the fault in force and applies no more. */
  heal(): void {
    this.#healed.abort();
  }

  async #go(): Promise<void> {
    const { faults, clock, nowMs } = this.#options;
    for (const fault of faults) {
      if (fault.viewer !== undefined) continue;
      await sleep(clock, fault.atMs - nowMs(), this.#healed.signal);
      if (this.#healed.signal.aborted) return;
      await this.#apply(fault);
    }
  }

  async #apply(fault: PlannedFault): Promise<void> {
    const { apply, onApplied, clock, nowMs } = this.#options;
    const fromMs = nowMs();
    this.#inForce = fault.name;
    const limits = { clock, ms: fault.forMs, signals: [this.#healed.signal] };
    await withDeadline(limits, (lifted) => apply(fault, lifted));
    this.#inForce = undefined;
    onApplied({ fault: fault.fault, fromMs, toMs: nowMs() });
  }
}
