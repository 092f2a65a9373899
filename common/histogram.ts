/** What was observed so far. */
export interface HistogramView {
  /** Upper bounds of the buckets, ascending; above the last there is one more. */
  readonly bounds: readonly number[];
  /** How many values each bucket has, each counted once. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** Counts values by the bucket that they are in: a comparison a bucket, and two additions, however many observations are noted at once. */
export class Histogram implements HistogramView {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;

  /** @param bounds upper bounds, ascending, inclusive */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  /** Notes that `value` was observed `times` times. */
  observe(value: number, times = 1): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > (this.bounds[bucket] as number)) bucket++;
    this.counts[bucket] = (this.counts[bucket] as number) + times;
    this.sum += value * times;
  }
}
