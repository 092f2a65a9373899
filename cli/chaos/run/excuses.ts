import type { TimeSpan, ViewerEvent } from '../oracle/history.ts';

/** What excuses a gap or a reset: that messages, or the stream, were taken away before. All times are the run's. */
export class Excuses {
  private readonly removals: TimeSpan[] = [];
  /** The highest first sequence that a removal has led to. */
  private firstSeq = 0;
  private recreatedMs = Infinity;

  /** Messages were removed in this time; the stream begins at `firstSeq` since. `toMs` is Infinity while it lasts. */
  removed(span: TimeSpan, firstSeq: number): void {
    this.removals.push(span);
    this.firstSeq = Math.max(this.firstSeq, firstSeq);
  }

  recreated(fromMs: number): void {
    this.recreatedMs = Math.min(this.recreatedMs, fromMs);
  }

  /** The event, with the answer whether it was to be expected if it is a gap or a reset. */
  judge(event: ViewerEvent): ViewerEvent {
    switch (event.kind) {
      case 'gap':
        return { ...event, expected: this.excusesGap(event.after, event.atMs) };
      case 'reset':
        return { ...event, expected: event.atMs >= this.recreatedMs };
      default:
        return event;
    }
  }

  private excusesGap(after: number, atMs: number): boolean {
    const during = this.removals.some(({ fromMs, toMs }) => fromMs <= atMs && atMs <= toMs);
    return during || after + 1 < this.firstSeq;
  }
}
