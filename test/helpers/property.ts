import type fc from 'fast-check';

/** The runs of CI: the same every time, from a seed that once showed a fault. What others may find is found by hand, with FC_RUNS. */
const CI_SEED = '620889304';

/**
 * How properties are checked: `FC_SEED` repeats the runs of a failure, whose report names the seed; without it every run is
 * another one, except in CI. `FC_RUNS` multiplies the number of runs, for a search that may take long.
 */
export function runs(numRuns: number): fc.Parameters<unknown> {
  const seed = process.env['FC_SEED'] ?? (process.env['CI'] === undefined ? undefined : CI_SEED);
  const factor = Number(process.env['FC_RUNS'] ?? 1);
  return { numRuns: numRuns * factor, ...(seed !== undefined && { seed: Number(seed) }) };
}
