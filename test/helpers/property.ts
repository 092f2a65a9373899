import type fc from 'fast-check';

/**
 * How properties are checked: `FC_SEED` repeats the runs of a failure, whose report names the seed. Without it every run is
 * another one.
 */
export function runs(numRuns: number): fc.Parameters<unknown> {
  const seed = process.env['FC_SEED'];
  return { numRuns, ...(seed !== undefined && { seed: Number(seed) }) };
}
