import type { AppliedFault, RunPlan } from '../recording.ts';
import { Distribution } from './distribution.ts';
import type { Measures } from './measures.ts';
import type { FaultReport, FaultSpan } from './run-report.ts';
import type { StateTimeline } from './state-timeline.ts';

interface Tally extends FaultReport {
  planned: number;
  readonly applied: FaultSpan[];
  struck: number;
  noticed: number;
  reconnected: number;
}

/** Puts together what the faults of each name did to viewers. */
export class FaultReports {
  readonly #measures: Measures;
  readonly #byName = new Map<string, Tally>();
  /** Faults by the viewer that they strike; undefined: everybody. */
  readonly #byViewer = new Map<string | undefined, { readonly span: FaultSpan; readonly tally: Tally }[]>();
  readonly #recoveryMs: number;

  constructor({ faults, isolation }: RunPlan, applied: readonly AppliedFault[], measures: Measures) {
    this.#measures = measures;
    this.#recoveryMs = isolation?.recoveryMs ?? 0;
    for (const { name } of faults) this.#tally(name).planned += 1;
    const planned = new Map(faults.map((fault) => [fault.fault, fault]));
    for (const { fault, fromMs, toMs } of [...applied].sort((a, b) => a.fromMs - b.fromMs)) {
      const { name = 'unknown', viewer } = planned.get(fault) ?? {};
      const tally = this.#tally(name);
      const span = { fault, viewer, fromMs, toMs };
      tally.applied.push(span);
      const ofViewer = this.#byViewer.get(viewer);
      if (ofViewer === undefined) this.#byViewer.set(viewer, [{ span, tally }]);
      else ofViewer.push({ span, tally });
    }
  }

  get all(): FaultReport[] {
    return [...this.#byName.values()];
  }

  /** Takes into account how a viewer fared under the faults that struck it. */
  see(viewer: string, timeline: StateTimeline): void {
    for (const striking of [this.#byViewer.get(viewer), this.#byViewer.get(undefined)]) {
      for (const { span, tally } of striking ?? []) this.#react(span, tally, timeline);
    }
  }

  #react({ fromMs, toMs }: FaultSpan, tally: Tally, timeline: StateTimeline): void {
    const reaction = timeline.reaction(fromMs, toMs + this.#recoveryMs);
    if (reaction === undefined) return;
    const { noticedMs, reconnectedMs } = reaction;
    tally.struck += 1;
    if (noticedMs !== undefined) {
      tally.noticed += 1;
      for (const distribution of [tally.detect, this.#measures.detect]) distribution.add(noticedMs - fromMs);
    }
    if (reconnectedMs !== undefined) {
      tally.reconnected += 1;
      for (const distribution of [tally.reconnect, this.#measures.reconnect])
        distribution.add(reconnectedMs - fromMs);
    }
  }

  #tally(name: string): Tally {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const tally = {
      name,
      planned: 0,
      applied: [],
      struck: 0,
      noticed: 0,
      reconnected: 0,
      detect: new Distribution(),
      reconnect: new Distribution(),
    };
    this.#byName.set(name, tally);
    return tally;
  }
}
