import type { TimeSpan } from '../oracle/history.ts';
import type { AppliedFault, RunPlan } from '../recording.ts';
import { standstill } from '../recording.ts';

/** When faults touched each viewer, time to recover included. */
export class Disturbances {
  readonly #behind: TimeSpan[] = [];
  readonly #standstills: TimeSpan[] = [];
  readonly #byViewer = new Map<string, TimeSpan[]>();

  constructor({ faults, isolation }: RunPlan, applied: readonly AppliedFault[]) {
    const planned = new Map(faults.map((fault) => [fault.fault, fault]));
    for (const { fault, fromMs, toMs } of applied) {
      const span = { fromMs, toMs: toMs + (isolation?.recoveryMs ?? 0) };
      const viewer = planned.get(fault)?.viewer;
      const spans = viewer === undefined ? undefined : this.#byViewer.get(viewer);
      if (fault === standstill) this.#standstills.push(span);
      else if (viewer === undefined) this.#behind.push(span);
      else if (spans === undefined) this.#byViewer.set(viewer, [span]);
      else spans.push(span);
    }
  }

  /** A fault behind the gateway touches everybody. */
  of(viewer: string): TimeSpan[] {
    return [...this.#behind, ...this.ownOf(viewer)];
  }

  /** What befell the viewer's own link or device, or the tool that ran it. */
  ownOf(viewer: string): TimeSpan[] {
    return [...this.#standstills, ...(this.#byViewer.get(viewer) ?? [])];
  }
}
