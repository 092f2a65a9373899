import type { LastMessage } from '../../log/message.ts';
import { consumerConfig } from './consumer-config.ts';
import type { ReadContext } from './page-reader.ts';
import type { MessageHead } from './read-head.ts';
import { readHead } from './read-head.ts';

/** A message of more bytes is not fetched only to know that it is there. */
const LARGE_BYTES = 16 * 1024;
/**
 * Where messages are larger than this on average, or where NATS is further away than this, in milliseconds, a newest message of which nothing
 * is known is looked at before it is fetched.
 */
const LOOK = { meanBytes: 1024, awayMs: 20 };

/** What is known of a room's newest message before it is asked for. */
export interface Look {
  readonly known: LastMessage | undefined;
  readonly head: Promise<MessageHead | undefined> | undefined;
}

/**
 * Where rooms begin and end. A look at a message without its payload takes a consumer, and fetching it a large answer, in base64: it
 * depends on the stream's messages which is worth its while.
 */
export class RoomEnds {
  readonly #context: ReadContext;

  constructor(context: ReadContext) {
    this.#context = context;
  }

  /**
   * A look at the room's newest message where that is worth its while; to be given to {@link last}, which may be asked for later. Never
   * rejects before that.
   * @param known what the caller has no reason to doubt
   */
  look(room: string, known?: LastMessage): Look {
    const head = known === undefined && this.#looks ? this.#head(room, { kind: 'last' }) : undefined;
    head?.catch(() => undefined);
    return { known, head };
  }

  /** The room's newest message, or undefined; of a large one `fingerprint` is 0. */
  async last(
    room: string,
    { known, head: looked }: Look = this.look(room),
  ): Promise<LastMessage | undefined> {
    // A large one is not looked at again when nothing is behind it.
    if (known !== undefined && known.bytes > LARGE_BYTES && (await this.#isLast(room, known.seq)))
      return known;
    const { leader } = this.#context;
    const looks = looked === undefined && known === undefined && this.#looks;
    const head = await (looks ? this.#head(room, { kind: 'last' }) : looked);
    // The server of the consumer may lag; the leader does not.
    const whole = head === undefined || head.bytes <= LARGE_BYTES || !(await this.#isLast(room, head.seq));
    return whole ? leader.lastMessage(room) : { ...head, fingerprint: 0 };
  }

  /** Sequences of the room's first and last message; undefined when it has none. */
  async range(room: string): Promise<{ readonly first: number; readonly last: number } | undefined> {
    const { leader } = this.#context;
    const [first, last] = await Promise.all([
      this.#looks
        ? this.#head(room, { kind: 'seq', seq: 1 }).then((head) => head?.seq)
        : leader.nextSeq(room, 1),
      this.last(room),
    ]);
    return first === undefined || last === undefined ? undefined : { first, last: last.seq };
  }

  get #looks(): boolean {
    const { meanBytes, quickestMs } = this.#context.leader;
    return meanBytes >= LOOK.meanBytes || quickestMs >= LOOK.awayMs;
  }

  #head(room: string, start: Parameters<typeof consumerConfig>[1]): Promise<MessageHead | undefined> {
    return readHead(this.#context, consumerConfig(this.#context.leader.subjects.room(room), start));
  }

  /** Whether nothing of the room is behind `seq`, and something is left of it. */
  async #isLast(room: string, seq: number): Promise<boolean> {
    const { leader } = this.#context;
    const [count, next] = await Promise.all([leader.countMessages(room), leader.nextSeq(room, seq + 1)]);
    return count > 0 && next === undefined;
  }
}
