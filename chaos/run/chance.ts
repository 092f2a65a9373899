import type { Random } from '../../common/random.ts';
import { seededRandom } from '../../common/random.ts';

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

/** The same things in another order. */
export function shuffled<T>(random: Random, things: readonly T[]): T[] {
  const rest = [...things];
  const drawn: T[] = [];
  while (rest.length > 0) drawn.push(...rest.splice(between(random, 0, rest.length - 1), 1));
  return drawn;
}

/**
 * The names without end: each as often as its weight, a whole number, says before it all begins anew, and every one of them
 * once before any comes again.
 * @param first the one that comes first of all
 */
export function* inTurn<Name extends string>(
  random: Random,
  weights: Readonly<Partial<Record<Name, number>>>,
  first?: Name,
): Generator<Name, undefined> {
  const entries = Object.entries(weights) as [Name, number][];
  const again = entries.flatMap(([name, weight]) => Array<Name>(weight - 1).fill(name));
  if (entries.length === 0) return;
  let names = shuffled(
    random,
    entries.map(([name]) => name),
  );
  if (first !== undefined) names = [first, ...names.filter((name) => name !== first)];
  for (;;) {
    yield* names;
    yield* shuffled(random, again);
    names = shuffled(random, names);
  }
}
