import type { LiveClient, LiveError, Message, RoomEvent } from '../../client/index.ts';
import type { JoinOptions, RoomSubscription } from '../../client/index.ts';
import { until } from './poll.ts';
import { textOf } from './text.ts';

/** Follows a room and keeps what it is told of reliable messages, a line each, for tests that compare every word. */
export class Witness {
  /** For example `joined RESUMED at 2`, `message 4 after 2`, `gap after 1, next 4`, `caught up at 4`. */
  readonly told: string[] = [];
  readonly messages: Message[] = [];
  /** As they came from the client; ephemeral ones included. */
  readonly events: RoomEvent[] = [];
  readonly subscription: RoomSubscription;
  /** Set when the iteration ended with an error. */
  error: LiveError | undefined;

  constructor(client: LiveClient, room: string, options: JoinOptions = {}) {
    this.subscription = client.join(room, options);
    void this.#follow();
  }

  /** Payloads of the messages, as text. */
  get payloads(): string[] {
    return this.messages.map(({ payload }) => textOf(payload));
  }

  get seqs(): number[] {
    return this.messages.map(({ seq }) => Number(seq));
  }

  /** Whether the last thing told, messages apart, is that the replay is over. */
  get live(): boolean {
    return this.told.findLast((line) => !line.startsWith('message'))?.startsWith('caught up') === true;
  }

  /** Waits until a line is told. */
  async hears(line: string): Promise<void> {
    await until(`"${line}" is told`, () => this.told.includes(line) || this.#hearing());
  }

  /** Waits until the replay is over. */
  async caughtUp(): Promise<void> {
    await until('the viewer has caught up', () => this.live || this.#hearing());
  }

  /** Waits for a number of messages. */
  async has(count: number): Promise<void> {
    await until(`${count} messages have come`, () => this.messages.length >= count || this.#hearing());
  }

  #hearing(): never {
    throw new Error(`so far: ${this.told.slice(-20).join('; ')}`, { cause: this.error });
  }

  async #follow(): Promise<void> {
    try {
      for await (const event of this.subscription) this.#hear(event);
    } catch (error) {
      this.error = error as LiveError;
    }
  }

  #hear(event: RoomEvent): void {
    this.events.push(event);
    if (event.kind === 'message') this.messages.push(event.message);
    const line = lineOf(event);
    if (line !== undefined) this.told.push(line);
  }
}

function lineOf(event: RoomEvent): string | undefined {
  switch (event.kind) {
    case 'joined':
      return `joined ${event.outcome} at ${event.cursor.seq}`;
    case 'message':
      return `message ${event.message.seq} after ${event.message.prevSeq}`;
    case 'gap':
      return `gap after ${event.after}, next ${event.next}`;
    case 'reset':
      return `reset ${event.cause} to ${event.cursor.seq}`;
    case 'caught-up':
      return `caught up at ${event.cursor.seq}`;
    case 'retrying':
      return `retrying: ${event.error.message}`;
    case 'ephemeral':
    case 'audience':
    case 'dropped':
    case 'room-state':
      return undefined;
  }
}
