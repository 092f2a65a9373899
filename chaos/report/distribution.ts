/** Values that fall below a share of all; null when there are none. */
export interface Quantiles {
  readonly count: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** How many values lie from `from` (inclusive) to `to` (exclusive). */
export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** What is shorter is in the first bin, in milliseconds. */
const SHORTEST_BIN = 0.1;

/**
 * Counts durations in milliseconds, rounded to three significant digits and not finer than 0.01 ms, so that twenty
 * million of them take no more room than a few thousand. The greatest is kept to the
 * microsecond.
 */
export class Distribution {
  readonly #counts = new Map<number, number>();
  #count = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  /** Below 0, as between clocks that disagree, counts as 0. */
  add(ms: number): void {
    const value = Math.max(0, ms);
    const key = rounded(value);
    this.#count += 1;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    this.#max = Math.max(this.#max, Math.round(value * 1_000) / 1_000);
  }

  quantiles(): Quantiles {
    if (this.#count === 0) return { count: 0, p50: null, p95: null, p99: null, max: null };
    const sorted = this.#sorted();
    const [p50 = null, p95 = null, p99 = null] = [0.5, 0.95, 0.99].map((share) => this.#at(sorted, share));
    return { count: this.#count, p50, p95, p99, max: this.#max };
  }

  /** Bins of the same width on a logarithmic scale, `perDecade` to each power of ten, from the first to the last in use. */
  logBins(perDecade: number): Bin[] {
    const byIndex = new Map<number, number>();
    for (const [value, count] of this.#counts) {
      const index = Math.floor(Math.log10(Math.max(value, SHORTEST_BIN)) * perDecade + 1e-9);
      byIndex.set(index, (byIndex.get(index) ?? 0) + count);
    }
    const indexes = [...byIndex.keys()];
    if (indexes.length === 0) return [];
    const first = Math.min(...indexes);
    return Array.from({ length: Math.max(...indexes) - first + 1 }, (_, offset) => {
      const index = first + offset;
      const [from, to] = [10 ** (index / perDecade), 10 ** ((index + 1) / perDecade)];
      return { from, to, count: byIndex.get(index) ?? 0 };
    });
  }

  #sorted(): [number, number][] {
    return [...this.#counts].sort(([a], [b]) => a - b);
  }

  /** Nearest rank: the smallest value that so many are not above. */
  #at(sorted: readonly [number, number][], share: number): number {
    const rank = Math.ceil(share * this.#count);
    let seen = 0;
    for (const [value, count] of sorted) {
      seen += count;
      if (seen >= rank) return Math.min(value, this.#max);
    }
    return this.#max;
  }
}

function rounded(value: number): number {
  const magnitude = Math.floor(Math.log10(value));
  if (value < 1_000) {
    const scale = 10 ** Math.min(2, 2 - magnitude);
    return Math.round(value * scale) / scale;
  }
  const step = 10 ** (magnitude - 2);
  return Math.round(value / step) * step;
}
