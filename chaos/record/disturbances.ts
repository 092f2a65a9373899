import type { TimeSpan } from '../oracle/history.ts';
import type { AppliedFault, RunPlan } from './recording.ts';
import { EVENT_LOOP_STALL } from './recording.ts';

/** When faults touched each viewer. */
export class Disturbances {
  readonly #recoveryMs: number;
  readonly #backend: TimeSpan[] = [];
  /** Of the tool itself. */
  readonly eventLoopStalls: TimeSpan[] = [];
  readonly #byViewer = new Map<string, TimeSpan[]>();

  constructor({ faults, isolation }: RunPlan, applied: readonly AppliedFault[]) {
    this.#recoveryMs = isolation?.recoveryMs ?? 0;
    const planned = new Map(faults.map((fault) => [fault.fault, fault]));
    for (const { fault, fromMs, toMs } of applied) {
      const span = { fromMs, toMs };
      const viewer = planned.get(fault)?.viewer;
      const spans = viewer === undefined ? undefined : this.#byViewer.get(viewer);
      if (fault === EVENT_LOOP_STALL) this.eventLoopStalls.push(span);
      else if (viewer === undefined) this.#backend.push(span);
      else if (spans === undefined) this.#byViewer.set(viewer, [span]);
      else spans.push(span);
    }
  }

  /** Time to recover included. A backend fault touches everybody. */
  of(viewer: string): TimeSpan[] {
    const all = [...this.#backend, ...this.ownOf(viewer)];
    return all.map(({ fromMs, toMs }) => ({ fromMs, toMs: toMs + this.#recoveryMs }));
  }

  /** What affected the viewer's own link or device, or the tool that ran it, as long as it lasted. */
  ownOf(viewer: string): TimeSpan[] {
    return [...this.eventLoopStalls, ...(this.#byViewer.get(viewer) ?? [])];
  }
}
