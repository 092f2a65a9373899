import type { AppliedFault, RunPlan } from '../record/recording.ts';
import { EVENT_LOOP_STALL } from '../record/recording.ts';
import { Distribution } from './distribution.ts';
import type { Measures } from './measures.ts';
import type { FaultReport, FaultSpan } from './run-report.ts';
import type { Reaction, StateTimeline } from './state-timeline.ts';

interface Tally extends FaultReport {
  planned: number;
  readonly applied: FaultSpan[];
  exposed: number;
  noticed: number;
  reconnected: number;
}

/** A fault that struck a viewer. */
interface Strike {
  readonly span: FaultSpan;
  readonly tally: Tally;
}

/** Backend faults that end viewers' connections. What affects NATS leaves them standing, by design. */
const endingConnections: ReadonlySet<string> = new Set(['gateway-kill', 'gateway-drain', 'rolling-restart']);

function isOnConnection({ span, tally }: Strike): boolean {
  return span.viewer !== undefined || endingConnections.has(tally.name);
}

/** Puts together what the faults of each name did to viewers. */
export class FaultReports {
  readonly #measures: Measures;
  readonly #byName = new Map<string, Tally>();
  /** Faults by the viewer that they strike; undefined: everybody. */
  readonly #byViewer = new Map<string | undefined, Strike[]>();
  readonly #recoveryMs: number;

  constructor({ faults, isolation }: RunPlan, applied: readonly AppliedFault[], measures: Measures) {
    this.#measures = measures;
    this.#recoveryMs = isolation?.recoveryMs ?? 0;
    for (const { name } of faults) this.#tally(name).planned += 1;
    const planned = new Map(faults.map((fault) => [fault.fault, fault]));
    for (const { fault, fromMs, toMs } of [...applied].sort((a, b) => a.fromMs - b.fromMs)) {
      const { name = fault === EVENT_LOOP_STALL ? 'event-loop-stall' : 'unknown', viewer } =
        planned.get(fault) ?? {};
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
    const striking = [...(this.#byViewer.get(viewer) ?? []), ...(this.#byViewer.get(undefined) ?? [])].sort(
      (one, other) => one.span.fromMs - other.span.fromMs,
    );
    const claimed = new Set<number>();
    this.#seeInTurn(striking.filter(isOnConnection), timeline, claimed);
    this.#seeInTurn(
      striking.filter((strike) => !isOnConnection(strike)),
      timeline,
      claimed,
    );
  }

  /**
   * A fault that began during another one is left out: nobody knows which of them did what. What shows after the next one
   * began is that one's doing. Trouble in `claimed` is another fault's doing.
   */
  #seeInTurn(striking: readonly Strike[], timeline: StateTimeline, claimed: Set<number>): void {
    let busyUntilMs = -Infinity;
    striking.forEach((strike, index) => {
      const { fromMs, toMs } = strike.span;
      const nextMs = striking[index + 1]?.span.fromMs ?? Infinity;
      const alone = fromMs > busyUntilMs;
      busyUntilMs = Math.max(busyUntilMs, toMs);
      if (!alone) return;
      const reaction = timeline.reaction(fromMs, Math.min(toMs + this.#recoveryMs, nextMs), nextMs);
      if (reaction !== undefined) this.#count(strike, reaction, claimed);
    });
  }

  #count({ span, tally }: Strike, { noticedMs, reconnectedMs }: Reaction, claimed: Set<number>): void {
    tally.exposed += 1;
    if (noticedMs === undefined || claimed.has(noticedMs)) return;
    claimed.add(noticedMs);
    tally.noticed += 1;
    for (const distribution of [tally.detect, this.#measures.detect])
      distribution.add(noticedMs - span.fromMs);
    if (reconnectedMs === undefined) return;
    tally.reconnected += 1;
    for (const distribution of [tally.reconnect, this.#measures.reconnect])
      distribution.add(reconnectedMs - span.fromMs);
  }

  #tally(name: string): Tally {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const tally = {
      name,
      planned: 0,
      applied: [],
      exposed: 0,
      noticed: 0,
      reconnected: 0,
      detect: new Distribution(),
      reconnect: new Distribution(),
    };
    this.#byName.set(name, tally);
    return tally;
  }
}
