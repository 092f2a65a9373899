import type { TimeSpan } from '../oracle/history.ts';

/** When a publish began: the stream's incarnation then, or that there was none for certain. */
export type Stamp = { readonly turn: number } | undefined;

/** What a stream is when it is brought back. */
export interface BroughtBack {
  readonly epoch: string;
  /** Whether it holds all that it held, and so is the same stream, whatever it calls itself. */
  readonly restored: boolean;
}

/**
 * The stream's incarnations, so that an acknowledgement is counted for the one that stored the message. What was under way
 * while the stream was taken away and brought back may be in either. A stream that was restored may have another name, under
 * which viewers go on or begin again, and in a cluster one by each server: all its names stand for the first.
 */
export class Epochs {
  #turn = 0;
  readonly #nowMs: () => number;
  /** What there was, and when: nobody can say what there was in between. The last one lasts. */
  readonly #incarnations: { readonly name: string; readonly fromMs: number; toMs: number }[];
  /** As the stream calls itself; undefined while it changes. */
  #name: string | undefined;
  /** Whether the present one was restored: no other changes its name by itself. */
  #restored = false;
  /** First names by the others. */
  readonly firstNames: ReadonlyMap<string, string>;
  readonly #others = new Map<string, string>();

  /**
   * @param epoch as the stream calls itself at the beginning
   * @param nowMs the run's clock
   */
  constructor(epoch: string, nowMs: () => number) {
    this.#name = epoch;
    this.#nowMs = nowMs;
    this.#incarnations = [{ name: epoch, fromMs: -Infinity, toMs: Infinity }];
    this.firstNames = this.#others;
  }

  /** To be taken before a message is published. */
  stamp(): Stamp {
    return this.#name === undefined ? undefined : { turn: this.#turn };
  }

  /** The epoch of a message that is acknowledged now; undefined if nobody can tell. */
  epochOf(stamp: Stamp): string | undefined {
    return stamp?.turn === this.#turn && this.#name !== undefined ? this.firstNameOf(this.#name) : undefined;
  }

  /** The epoch of a message that was published and acknowledged in this time; undefined if nobody can tell. */
  during({ fromMs, toMs }: TimeSpan): string | undefined {
    const then = this.#incarnations.find((one) => one.fromMs <= fromMs && toMs <= one.toMs);
    return then === undefined ? undefined : this.firstNameOf(then.name);
  }

  /** The first name of the stream that has or had this name. */
  firstNameOf(epoch: string): string {
    return this.#others.get(epoch) ?? epoch;
  }

  /** All names of the stream that has or had this name. */
  namesOf(epoch: string): string[] {
    const first = this.firstNameOf(epoch);
    const others = [...this.#others].filter(([, of]) => of === first).map(([name]) => name);
    return [first, ...others];
  }

  /** The stream is taken away and brought back by `work`; returns its new name, undefined if that is the old one. */
  async change(work: () => Promise<BroughtBack>): Promise<string | undefined> {
    const before = this.#name;
    if (before === undefined) throw new Error('the stream is being changed already');
    this.#turn += 1;
    this.#name = undefined;
    const last = this.#incarnations.at(-1);
    if (last !== undefined) last.toMs = this.#nowMs();
    const { epoch, restored } = await work();
    this.#name = epoch;
    this.#incarnations.push({ name: epoch, fromMs: this.#nowMs(), toMs: Infinity });
    this.#restored = restored;
    if (epoch === before) return undefined;
    if (restored) this.#others.set(epoch, this.firstNameOf(before));
    return epoch;
  }

  /**
   * The stream goes by this name now: as nobody else takes it away, it is the one that was restored, if one was.
   * @param stamp taken before it was asked for
   * @returns whether that is news
   */
  calls(name: string, stamp: Stamp): boolean {
    const first = this.epochOf(stamp);
    if (!this.#restored || first === undefined || this.firstNameOf(name) === first) return false;
    this.#others.set(name, first);
    return true;
  }
}
