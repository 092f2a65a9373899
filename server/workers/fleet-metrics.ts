import { AggregatorRegistry, Registry } from 'prom-client';
import type { Clock, Timer } from '../../common/clock.ts';
import { WORKER_DEATHS } from '../observability/gateway-metrics.ts';
import type { MetricsSource } from '../observability/metrics.ts';
import type { MetricsReport } from './messages.ts';

/** A worker that has not answered by then is counted as it was, in milliseconds: one that hangs must not hide the others. */
const ANSWER_MS = 2_000;

const ONE_DEATH = {
  name: WORKER_DEATHS,
  type: 'counter',
  aggregator: 'sum',
  values: [{ labels: {}, value: 1 }],
} as unknown as MetricsReport[number];

/** Who can be asked for its metrics. */
export interface Reporter {
  readonly id: number;
  /** Has it tell its metrics, under this number. */
  ask(question: number): void;
}

/**
 * Adds up the metrics of workers. What those have counted that have ended goes on to count: otherwise sums would fall with each, which is read as a
 * restart from nothing, and everything that the others ever counted as new.
 */
export class FleetMetrics implements MetricsSource {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #clock: Clock;
  readonly #reporters = new Map<number, Reporter>();
  /** What each said last. */
  readonly #latest = new Map<number, MetricsReport>();
  /** What those counted that have ended. */
  #departed: MetricsReport = [];
  readonly #waiting = new Map<number, () => void>();
  #questions = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A worker serves, until {@link remove}. */
  add(reporter: Reporter): void {
    this.#reporters.set(reporter.id, reporter);
  }

  /** A worker has ended. */
  remove(id: number): void {
    this.#reporters.delete(id);
    const last = this.#latest.get(id);
    this.#latest.delete(id);
    if (last !== undefined) this.#departed = summed([this.#departed, last.filter(isCounted)]);
  }

  /** A worker has ended by itself. */
  noteDeath(): void {
    this.#departed = summed([this.#departed, [ONE_DEATH]]);
  }

  /** A worker answers a question. */
  answered(id: number, question: number, report: MetricsReport): void {
    if (this.#reporters.has(id)) this.#latest.set(id, report);
    this.#waiting.get(question)?.();
  }

  /** The metrics of all workers together, as Prometheus reads them. */
  async metrics(): Promise<string> {
    await Promise.all([...this.#reporters.values()].map((reporter) => this.#ask(reporter)));
    return AggregatorRegistry.aggregate([...this.#latest.values(), this.#departed]).metrics();
  }

  #ask(reporter: Reporter): Promise<void> {
    const question = this.#questions++;
    return new Promise((resolve) => {
      let timer: Timer | undefined = undefined;
      const done = (): void => {
        timer?.cancel();
        this.#waiting.delete(question);
        resolve();
      };
      timer = this.#clock.after(ANSWER_MS, done);
      this.#waiting.set(question, done);
      reporter.ask(question);
    });
  }
}

const isCounted = ({ type }: MetricsReport[number]): boolean =>
  [type].flat().some((kind) => String(kind) === 'counter' || String(kind) === 'histogram');

function summed(reports: readonly MetricsReport[]): MetricsReport {
  const registry = AggregatorRegistry.aggregate([...reports]);
  // What is made of reports answers at once; its type does not say so.
  return registry
    .getMetricsAsArray()
    .map((metric) => (metric as unknown as { get(): MetricsReport[number] }).get());
}
