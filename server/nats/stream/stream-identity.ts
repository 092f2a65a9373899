import type { StreamInfo } from 'nats';

/** A message that a stream held, by its place and the time at which it was stored, to the nanosecond. */
interface Anchor {
  readonly seq: number;
  readonly time: string;
}

/**
 * Recognises a stream under another time of creation: NATS gives it one when it restarts after an edit (seen with 2.9.10 and
 * 2.10.27), and when a backup is restored over a stream that was deleted (2.15.2). A stream that holds a message which it held
 * before, at its place and stored at the same nanosecond, has that history, at least up to there.
 */
export class StreamIdentity {
  #epoch: string | undefined;
  /** The oldest and the newest message when the stream was last asked. */
  #anchors: readonly Anchor[] = [];
  #former: readonly string[] = [];

  /**
   * Takes note of what the leader says.
   * @param timeOf asks when the message held at a sequence was stored; undefined when none is held
   * @returns the names that the stream had before `epoch`, the newest last
   */
  async formerNames(
    epoch: string,
    { state }: StreamInfo,
    timeOf: (seq: number) => Promise<string | undefined>,
  ): Promise<readonly string[]> {
    const known = this.#epoch;
    if (known !== undefined && known !== epoch) {
      const same = await this.#holdsAnchor(timeOf);
      // Somebody else may have asked meanwhile.
      if (this.#epoch === known) this.#former = same ? [...this.#former, known] : [];
    }
    this.#epoch = epoch;
    if (state.messages > 0) {
      this.#anchors = [
        { seq: state.first_seq, time: state.first_ts },
        { seq: state.last_seq, time: state.last_ts },
      ];
    }
    return this.#former;
  }

  async #holdsAnchor(timeOf: (seq: number) => Promise<string | undefined>): Promise<boolean> {
    for (const { seq, time } of this.#anchors) if ((await timeOf(seq)) === time) return true;
    return false;
  }
}
