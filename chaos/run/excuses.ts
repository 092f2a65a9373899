import type { TimeSpan, ViewerEvent } from '../oracle/history.ts';

/** What excuses a gap or a reset: that messages, or the stream, were taken away before. All times are the run's. */
export class Excuses {
  readonly #removals: TimeSpan[] = [];
  /** The highest first sequence that a removal has led to. */
  #firstSeq = 0;
  /** While the stream is taken away and brought back, nobody can say yet which one it will be. */
  readonly #changes: TimeSpan[] = [];
  /** Streams that came after another one. */
  readonly #epochs = new Set<string>();

  /** Messages were removed in this time; the stream begins at `firstSeq` since. `toMs` is Infinity while it lasts. */
  removed(span: TimeSpan, firstSeq: number): void {
    this.#removals.push(span);
    this.#firstSeq = Math.max(this.#firstSeq, firstSeq);
  }

  /** The stream is another one since this time, or will be. `toMs` is Infinity while it lasts. */
  changing(span: TimeSpan): void {
    this.#changes.push(span);
  }

  /** There is a stream with this identity now, and there was another one before. */
  changed(epoch: string): void {
    this.#epochs.add(epoch);
  }

  /** The event, with the answer whether it was to be expected if it is a gap or a reset. */
  judge(event: ViewerEvent): ViewerEvent {
    switch (event.kind) {
      case 'gap':
        return { ...event, expected: this.#excusesGap(event.after, event.atMs) };
      case 'reset':
        return { ...event, expected: this.#epochs.has(event.epoch) || within(this.#changes, event.atMs) };
      default:
        return event;
    }
  }

  #excusesGap(after: number, atMs: number): boolean {
    return within(this.#removals, atMs) || after + 1 < this.#firstSeq;
  }
}

function within(spans: readonly TimeSpan[], atMs: number): boolean {
  return spans.some(({ fromMs, toMs }) => fromMs <= atMs && atMs <= toMs);
}
