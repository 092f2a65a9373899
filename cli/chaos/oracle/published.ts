import type { History, PublishedMessage } from './history.ts';

/** The acknowledged messages of one room in one epoch, by sequence. */
export class PublishedRoom {
  /** Ascending, each sequence once. */
  readonly messages: readonly PublishedMessage[];
  /** For each index, when the first of that message and those after it was acknowledged. */
  private earliestAcks: readonly number[] | undefined;

  constructor(messages: PublishedMessage[]) {
    messages.sort((a, b) => a.seq - b.seq);
    this.messages = messages.filter(({ seq }, index) => seq !== messages[index - 1]?.seq);
  }

  /** Index of the first message after `seq`; `guess` makes it fast when it is right. */
  indexAfter(seq: number, guess = 0): number {
    if (this.isFirstAfter(seq, guess)) return guess;
    if (this.isFirstAfter(seq, guess + 1)) return guess + 1;
    let low = 0;
    let high = this.messages.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.seqAt(middle) <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** When the first of the messages after `seq` was acknowledged; Infinity if there is none. */
  ackedAfter(seq: number): number {
    this.earliestAcks ??= this.messages
      .toReversed()
      .reduce<number[]>((earliest, { ackedMs = Infinity }) => {
        earliest.push(Math.min(ackedMs, earliest.at(-1) ?? Infinity));
        return earliest;
      }, [])
      .toReversed();
    return this.earliestAcks[this.indexAfter(seq)] ?? Infinity;
  }

  private isFirstAfter(seq: number, index: number): boolean {
    if (index > this.messages.length) return false;
    return (index === 0 || this.seqAt(index - 1) <= seq) && this.seqAt(index) > seq;
  }

  private seqAt(index: number): number {
    return this.messages[index]?.seq ?? Infinity;
  }
}

const nothing = new PublishedRoom([]);

/** What was published, ready to be looked up. */
export class Published {
  private readonly rooms = new Map<string, PublishedRoom>();
  /** Undefined when the record of publishers is not complete. */
  private readonly unknown: ReadonlySet<string> | undefined;

  constructor({ published, unknown }: Pick<History, 'published' | 'unknown'>) {
    const byRoom = new Map<string, PublishedMessage[]>();
    for (const message of published) {
      const key = keyOf(message.room, message.epoch);
      const messages = byRoom.get(key);
      if (messages === undefined) byRoom.set(key, [message]);
      else messages.push(message);
    }
    for (const [key, messages] of byRoom) this.rooms.set(key, new PublishedRoom(messages));
    if (unknown !== undefined) this.unknown = new Set(Array.from(unknown, ({ room, id }) => keyOf(room, id)));
  }

  in(room: string, epoch: string): PublishedRoom {
    return this.rooms.get(keyOf(room, epoch)) ?? nothing;
  }

  /** Whether a message that was not acknowledged may have been stored. */
  mayExist(room: string, id: string): boolean {
    return this.unknown === undefined || this.unknown.has(keyOf(room, id));
  }
}

/** Room names have no spaces. */
function keyOf(room: string, rest: string): string {
  return `${room} ${rest}`;
}
