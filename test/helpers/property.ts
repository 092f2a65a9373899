import type fc from 'fast-check';

/**
 * How properties are checked: `FC_SEED` repeats the runs of a failure, whose report names the seed; without it every run is
 * another one. `FC_RUNS` multiplies the number of runs, for a search that may take long.
 */
export function runs(numRuns: number): fc.Parameters<unknown> {
  const seed = process.env['FC_SEED'];
  const factor = Number(process.env['FC_RUNS'] ?? 1);
  return { numRuns: numRuns * factor, ...(seed !== undefined && { seed: Number(seed) }) };
}
