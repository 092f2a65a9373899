/** When a publish began: the stream's incarnation then, or that there was none for certain. */
export type Stamp = { readonly turn: number } | undefined;

/**
 * The stream's incarnations, so that an acknowledgement is counted for the one that stored the message. What was under way
 * while the stream was created again may be in either.
 */
export class Epochs {
  private state:
    { readonly turn: number; readonly epoch: string } | { readonly turn: number; readonly epoch: undefined };

  constructor(epoch: string) {
    this.state = { turn: 0, epoch };
  }

  /** To be taken before a message is published. */
  stamp(): Stamp {
    const { turn, epoch } = this.state;
    return epoch === undefined ? undefined : { turn };
  }

  /** The epoch of a message that is acknowledged now; undefined if nobody can tell. */
  epochOf(stamp: Stamp): string | undefined {
    return stamp?.turn === this.state.turn ? this.state.epoch : undefined;
  }

  /** The stream is created again by `work`, which returns the new epoch. */
  async change(work: () => Promise<string>): Promise<void> {
    const turn = this.state.turn + 1;
    this.state = { turn, epoch: undefined };
    this.state = { turn, epoch: await work() };
  }
}
