import type { TimeSpan } from '../oracle/history.ts';
import type { AppliedFault, RunPlan } from './recording.ts';
import { standstill } from './recording.ts';

/** When faults touched each viewer. */
export class Disturbances {
  readonly #recoveryMs: number;
  readonly #behind: TimeSpan[] = [];
  /** Of the tool itself. */
  readonly standstills: TimeSpan[] = [];
  readonly #byViewer = new Map<string, TimeSpan[]>();

  constructor({ faults, isolation }: RunPlan, applied: readonly AppliedFault[]) {
    this.#recoveryMs = isolation?.recoveryMs ?? 0;
    const planned = new Map(faults.map((fault) => [fault.fault, fault]));
    for (const { fault, fromMs, toMs } of applied) {
      const span = { fromMs, toMs };
      const viewer = planned.get(fault)?.viewer;
      const spans = viewer === undefined ? undefined : this.#byViewer.get(viewer);
      if (fault === standstill) this.standstills.push(span);
      else if (viewer === undefined) this.#behind.push(span);
      else if (spans === undefined) this.#byViewer.set(viewer, [span]);
      else spans.push(span);
    }
  }

  /** Time to recover included. A fault behind the gateway touches everybody. */
  of(viewer: string): TimeSpan[] {
    const all = [...this.#behind, ...this.ownOf(viewer)];
    return all.map(({ fromMs, toMs }) => ({ fromMs, toMs: toMs + this.#recoveryMs }));
  }

  /** What befell the viewer's own link or device, or the tool that ran it, as long as it lasted. */
  ownOf(viewer: string): TimeSpan[] {
    return [...this.standstills, ...(this.#byViewer.get(viewer) ?? [])];
  }
}
