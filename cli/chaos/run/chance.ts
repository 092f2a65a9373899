import type { Random } from '../../../common/random.ts';
import { seededRandom } from '../../../common/random.ts';

/**
 * Chance for one purpose of a run: the same seed and purpose give the same numbers, whatever else is drawn. So a
 * viewer's faults do not depend on how many other viewers there are.
 */
export function chance(seed: number, purpose: string): Random {
  // FNV-1a, 32 bits.
  let hash = 0x811c9dc5 ^ seed;
  for (const byte of Buffer.from(purpose)) hash = Math.imul(hash ^ byte, 0x01000193);
  return seededRandom(hash);
}

/** A whole number from `min` to `max`, both included. */
export function between(random: Random, min: number, max: number): number {
  return min + Math.floor(random() * (max - min + 1));
}

/** One of the names, as often as its weight says. Undefined when no weight is above 0. */
export function pick<Name extends string>(
  random: Random,
  weights: Readonly<Partial<Record<Name, number>>>,
): Name | undefined {
  const entries = Object.entries(weights) as [Name, number][];
  const total = entries.reduce((sum, [, weight]) => sum + weight, 0);
  let point = random() * total;
  for (const [name, weight] of entries) {
    point -= weight;
    if (point < 0) return name;
  }
  return undefined;
}
