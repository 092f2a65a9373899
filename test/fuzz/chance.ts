import type { Random } from '../../common/random.ts';

/** What is drawn by chance; the same source of numbers gives the same. */
export class Chance {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A whole number from 0, below `limit`. */
  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  /** True so often: 0 never, 1 always. */
  happens(share: number): boolean {
    return this.#random() < share;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  /** One to `most` things. */
  several<T>(most: number, make: (n: number) => T): T[] {
    return Array.from({ length: 1 + this.below(most) }, (_, n) => make(n));
  }

  bytes(most: number): Buffer {
    return Buffer.from(this.several(most, () => this.below(256)));
  }

  /** Some bytes changed, doubled or left out. */
  mutate(bytes: Buffer): Buffer {
    let mutated = Buffer.from(bytes);
    for (let n = this.below(4); n > 0 && mutated.length > 0; n--) {
      const at = this.below(mutated.length);
      const end = at + this.below(16);
      const ways = [
        () => Buffer.concat([mutated.subarray(0, at), this.bytes(1), mutated.subarray(at + 1)]),
        () => Buffer.concat([mutated.subarray(0, at), mutated.subarray(end)]),
        () => Buffer.concat([mutated.subarray(0, end), mutated.subarray(at)]),
      ];
      mutated = this.pick(ways)();
    }
    return mutated;
  }

  /** The same of a text of ASCII. */
  mutateText(text: string): string {
    return this.mutate(Buffer.from(text, 'latin1')).toString('latin1');
  }

  /** The same bytes in one piece, or in two. */
  split(bytes: Buffer): Buffer[] {
    const at = this.below(bytes.length);
    return this.happens(0.5) ? [bytes] : [bytes.subarray(0, at), bytes.subarray(at)];
  }
}
