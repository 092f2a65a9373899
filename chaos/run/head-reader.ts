import type { RoomInfo } from '../../client/index.ts';
import { LiveClient } from '../../client/index.ts';
import type { Clock } from '../../common/clock.ts';
import { sleep } from '../../common/sleep.ts';
import type { Place } from '../oracle/history.ts';
import { seqOf } from '../oracle/history.ts';

/** How long a gateway may take to answer, how long it is asked for an answer, and how often, in milliseconds. */
const ANSWER_MS = 5_000;
const PERSIST_MS = 30_000;
const ASK_EVERY_MS = 250;

/** Asks gateways for heads of rooms, until there is an answer: what was healed just now may need a moment. */
export class HeadReader {
  readonly #client: LiveClient;
  readonly #clock: Clock;
  readonly #closed = new AbortController();

  /** @param endpoints gateways, as clients take them */
  constructor(endpoints: readonly string[], clock: Clock) {
    this.#client = new LiveClient({ endpoints });
    this.#clock = clock;
  }

  /** @throws LiveError when there is no answer for too long */
  async head(room: string): Promise<Place> {
    const { epoch, head } = await this.#describe(room);
    return { epoch, seq: seqOf(head) };
  }

  /** Waits for no more answers. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#client.close();
  }

  async #describe(room: string): Promise<RoomInfo> {
    const giveUpMs = this.#clock.monotonicMs() + PERSIST_MS;
    for (;;) {
      try {
        return await this.#client.room(room, { timeoutMs: ANSWER_MS });
      } catch (error) {
        if (this.#closed.signal.aborted || this.#clock.monotonicMs() >= giveUpMs) throw error;
        await sleep(this.#clock, ASK_EVERY_MS, this.#closed.signal);
      }
    }
  }
}
