import { checkGuarantees } from '../oracle/guarantees.ts';
import type { History, ViewerEvent, ViewerHistory } from '../oracle/history.ts';
import { Published } from '../oracle/published.ts';
import type { Verdict } from '../oracle/verdict.ts';
import { shortcomings } from '../oracle/verdict.ts';
import { loadHistory } from '../record/history.ts';
import type { RecordedRun } from '../record/runs.ts';
import { findRun, loadFaults, loadTotals } from '../record/runs.ts';
import type { ViewerTotals } from '../record/recording.ts';
import { FaultReports } from './fault-reports.ts';
import type { Measures } from './measures.ts';
import { newMeasures } from './measures.ts';
import { neverStruck } from './never-struck.ts';
import { eventsAround } from './offence-context.ts';
import type { Offence, RunReport, ViewerReport } from './run-report.ts';
import { ViewerObserver } from './viewer-observer.ts';

/**
 * Judges a recorded run: the verdict over the guarantees and the measures, in one pass over its events.
 * @param runName its name, or `last`
 * @throws RecordingError if there is no such run.
 */
export function judgeRun(db: string, runName: string): RunReport {
  const run = findRun(db, runName);
  const history = loadHistory(db, run.plan.run);
  const totals = loadTotals(db, run);
  const measures = newMeasures();
  const faults = new FaultReports(run.plan, loadFaults(db, run), measures);
  const published = [...history.published];
  const viewers = new ObservedViewers(history.viewers, measures, new Published({ published }), faults);
  const verdict = checkGuarantees({ ...history, published, viewers });
  sum(measures, run, published.length, history, totals);
  const reasons = [...flaws(run, history, viewers), ...shortcomings(verdict)];
  return {
    verdict: reasons.length === 0 ? 'pass' : 'fail',
    reasons,
    run,
    db,
    replay: `live-cli chaos --replay ${shellWord(run.plan.run)} --db ${shellWord(db)}`,
    guarantees: verdict.results,
    offences: offences(verdict, db, run),
    signalledGaps: verdict.signalledGaps,
    measures,
    faults: faults.all,
    neverStruck: neverStruck(run.plan, faults.all),
    viewers: viewers.reports(verdict, totals),
    endMs: Math.max(run.plan.durationMs, viewers.endMs),
  };
}

/** The viewers of a history, each watched while somebody else reads its events. */
class ObservedViewers implements Iterable<ViewerHistory> {
  endMs = 0;
  readonly #viewers: Iterable<ViewerHistory>;
  readonly #measures: Measures;
  readonly #published: Published;
  readonly #faults: FaultReports;
  readonly #observers = new Map<string, ViewerObserver>();

  constructor(
    viewers: Iterable<ViewerHistory>,
    measures: Measures,
    published: Published,
    faults: FaultReports,
  ) {
    this.#viewers = viewers;
    this.#measures = measures;
    this.#published = published;
    this.#faults = faults;
  }

  /** How many there were, and which of them were never told where they stand. */
  get seen(): { readonly count: number; readonly unjoined: readonly string[] } {
    const unjoined = [...this.#observers].filter(([, { joined }]) => !joined).map(([viewer]) => viewer);
    return { count: this.#observers.size, unjoined };
  }

  *[Symbol.iterator](): Generator<ViewerHistory, void, undefined> {
    for (const history of this.#viewers) {
      const observer = new ViewerObserver(this.#measures, this.#published);
      this.#observers.set(history.viewer, observer);
      yield { ...history, events: this.#watched(history.events, observer) };
      this.#faults.see(history.viewer, observer.timeline);
    }
  }

  reports({ results }: Verdict, totals: readonly ViewerTotals[]): ViewerReport[] {
    const violations = new Map<string, number>();
    for (const { viewer } of results.flatMap((result) => result.violations)) {
      violations.set(viewer, (violations.get(viewer) ?? 0) + 1);
    }
    const totalsOf = new Map(totals.map((counted) => [counted.viewer, counted]));
    return Array.from(this.#observers, ([viewer, { timeline, delivered, slowestResumeMs }]) => {
      const { totalMs, longestMs } = timeline.outages(this.endMs);
      return {
        viewer,
        states: timeline.changes,
        delivered,
        violations: violations.get(viewer) ?? 0,
        outageMs: totalMs,
        longestOutageMs: longestMs,
        slowestResumeMs,
        totals: totalsOf.get(viewer),
      };
    });
  }

  *#watched(
    events: Iterable<ViewerEvent>,
    observer: ViewerObserver,
  ): Generator<ViewerEvent, void, undefined> {
    for (const event of events) {
      observer.observe(event);
      this.endMs = Math.max(this.endMs, event.atMs);
      yield event;
    }
  }
}

function sum(
  measures: Measures,
  run: RecordedRun,
  published: number,
  { unknown = [] }: History,
  totals: readonly ViewerTotals[],
): void {
  measures.published = published;
  for (const _ of unknown) measures.unknown += 1;
  for (const { reconnects, bytes, duplicatesDropped, continuityViolations } of totals) {
    measures.reconnects += reconnects;
    measures.bytes += bytes;
    measures.duplicatesDropped += duplicatesDropped;
    measures.continuityViolations += continuityViolations;
  }
  measures.historyReads = run.historyReads;
}

/** What is wrong with the recording itself: a verdict over a part of a run is no pass. */
function flaws(run: RecordedRun, { finalHeads }: History, { seen }: ObservedViewers): string[] {
  const { count, unjoined } = seen;
  const watching = run.plan.onlyViewer === undefined ? run.plan.viewers : 1;
  const missing = watching - count;
  return [
    ...(run.complete ? [] : ['the recording did not come to its end']),
    ...(finalHeads === undefined
      ? ['nobody knows the heads at the end, so the last messages were not checked']
      : []),
    ...(missing > 0 ? [`${missing} of ${watching} viewers left nothing behind`] : []),
    ...unjoined.slice(0, 3).map((viewer) => `viewer ${viewer} never joined a room`),
    ...(unjoined.length > 3 ? [`… and ${unjoined.length - 3} more`] : []),
  ];
}

function offences({ results }: Verdict, db: string, run: RecordedRun): Offence[] {
  return results.flatMap(({ guarantee, failedByKind, firstByKind }) =>
    Object.values(firstByKind).map((first) => {
      const { kind } = first;
      const around = eventsAround(db, run.plan.run, first);
      return { guarantee, kind, count: failedByKind[kind] ?? 0, first, around };
    }),
  );
}

/** As a shell takes it for one word. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
