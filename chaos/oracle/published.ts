import type { History, PublishedMessage, Rewind } from './history.ts';

/** The acknowledged messages of one room in one history of a stream, by sequence. */
export class PublishedRoom {
  /** Ascending, each sequence once. */
  readonly messages: readonly PublishedMessage[];
  /** For each index, when the first of that message and those after it was acknowledged. */
  #earliestAcks: readonly number[] | undefined;

  constructor(messages: PublishedMessage[]) {
    messages.sort((a, b) => a.seq - b.seq);
    this.messages = messages.filter(({ seq }, index) => seq !== messages[index - 1]?.seq);
  }

  /** Index of the first message after `seq`; `guess` makes it fast when it is right. */
  indexAfter(seq: number, guess = 0): number {
    if (this.#isFirstAfter(seq, guess)) return guess;
    if (this.#isFirstAfter(seq, guess + 1)) return guess + 1;
    let low = 0;
    let high = this.messages.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#seqAt(middle) <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** When the first of the messages after `seq` was acknowledged; Infinity if there is none. */
  ackedAfter(seq: number): number {
    this.#earliestAcks ??= this.messages
      .toReversed()
      .reduce<number[]>((earliest, { ackedMs = Infinity }) => {
        earliest.push(Math.min(ackedMs, earliest.at(-1) ?? Infinity));
        return earliest;
      }, [])
      .toReversed();
    return this.#earliestAcks[this.indexAfter(seq)] ?? Infinity;
  }

  #isFirstAfter(seq: number, index: number): boolean {
    if (index > this.messages.length) return false;
    return (index === 0 || this.#seqAt(index - 1) <= seq) && this.#seqAt(index) > seq;
  }

  #seqAt(index: number): number {
    return this.messages[index]?.seq ?? Infinity;
  }
}

const nothing: readonly PublishedRoom[] = [new PublishedRoom([])];

/** What was published, ready to be looked up. */
export class Published {
  readonly #rooms = new Map<string, readonly PublishedRoom[]>();
  readonly #rewinds = new Map<string, Rewind[]>();
  /** Undefined when the record of publishers is not complete. */
  readonly #unknown: ReadonlySet<string> | undefined;

  constructor({ published, unknown, rewinds = [] }: Pick<History, 'published' | 'unknown' | 'rewinds'>) {
    for (const rewind of rewinds) append(this.#rewinds, rewind.epoch, rewind);
    const byRoom = new Map<string, PublishedMessage[]>();
    for (const message of published) append(byRoom, keyOf(message.room, message.epoch), message);
    for (const [key, messages] of byRoom) this.#rooms.set(key, this.#historiesOf(messages));
    if (unknown !== undefined)
      this.#unknown = new Set(Array.from(unknown, ({ room, id }) => keyOf(room, id)));
  }

  /** A room as the stream has it now, after whatever rewinds. */
  in(room: string, epoch: string): PublishedRoom {
    return this.histories(room, epoch).at(-1) as PublishedRoom;
  }

  /** A room in each history of its stream: as it began, and as it was after each rewind. */
  histories(room: string, epoch: string): readonly PublishedRoom[] {
    return this.#rooms.get(keyOf(room, epoch)) ?? nothing;
  }

  /** Whether a message that was not acknowledged may have been stored. */
  mayExist(room: string, id: string): boolean {
    return this.#unknown === undefined || this.#unknown.has(keyOf(room, id));
  }

  /** How many histories of a stream there were at some time. */
  historiesUntil(epoch: string, atMs: number): number {
    const rewinds = this.#rewinds.get(epoch) ?? [];
    return 1 + rewinds.filter((rewind) => rewind.atMs <= atMs).length;
  }

  /** The messages of one room and epoch, by history. */
  #historiesOf(messages: PublishedMessage[]): PublishedRoom[] {
    const rewinds = this.#rewinds.get(messages[0]?.epoch ?? '') ?? [];
    const histories = [messages.filter(({ history = 0 }) => history === 0)];
    for (const [index, { after }] of rewinds.entries()) {
      const shared = (histories[index] ?? []).filter(({ seq }) => seq <= after);
      histories.push([...shared, ...messages.filter(({ history }) => history === index + 1)]);
    }
    return histories.map((history) => new PublishedRoom(history));
  }
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** Room names have no spaces. */
function keyOf(room: string, rest: string): string {
  return `${room} ${rest}`;
}
