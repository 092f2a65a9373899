import { LiveClient } from '../../client/index.ts';
import type { LiveClientOptions, RoomEvent, RoomSubscription } from '../../client/index.ts';
import type { MessageInput } from '../../protos/gen/live/v1/Message.ts';
import type { RefusalInput } from '../../protos/gen/live/v1/Refusal.ts';
import { prefixed } from '../../protos/enum-names.ts';
import type { KnownReason } from '../../protos/reasons.ts';
import type { ServerFrameInput } from '../../protos/live.ts';
import { Failure } from '../../server/session/failure.ts';
import { ManualClock } from './manual-clock.ts';
import { ScriptedTransport } from './scripted-transport.ts';

export const HEARTBEAT_MS = 1_000;
export const EPOCH = 'LIVE@1';

/** A client whose time and whose gateway are moved by hand. Backoff is always half of its ceiling. */
export class ScriptedClient {
  readonly clock = new ManualClock();
  readonly transport = new ScriptedTransport();
  readonly client: LiveClient;
  readonly states: string[] = [];

  constructor(options: Partial<LiveClientOptions> = {}) {
    this.client = new LiveClient({
      endpoints: ['a:1', 'b:2'],
      clock: this.clock,
      random: () => 0.5,
      backoff: { baseMs: 100, maxMs: 1_000 },
      connectTimeoutMs: 3_000,
      probeTimeoutMs: 500,
      transport: this.transport,
      ...options,
    });
    this.client.on('state', ({ kind: name }) => this.states.push(name));
  }

  /** The name of the connection's state. */
  get stateName(): string {
    return this.client.state.kind;
  }

  /** Gives frames to the client on its newest link. */
  receive(...frames: ServerFrameInput[]): void {
    this.transport.link.receive(...frames);
  }

  /** Welcomes the client on its newest link. */
  welcome(publishes = 2, ofEpoch = ''): void {
    const limits = { rooms: 10, payloadBytes: 1_000, publishes };
    this.receive({ welcome: { session: 's', heartbeatMs: HEARTBEAT_MS, limits, epoch: ofEpoch } });
  }

  /** Lets the backoff pass: the longest there is. */
  waitOutBackoff(): void {
    this.clock.advance(1_000);
  }
}

export const cursorAt = (seq: number, fingerprint = seq, inEpoch = EPOCH) => ({
  epoch: inEpoch,
  seq,
  fingerprint,
});

export const joined = (
  room: string,
  seq: number,
  outcome: 'STARTED' | 'RESUMED' | 'GAP' | 'RESET' = 'STARTED',
) => ({
  joined: { room, cursor: cursorAt(seq), head: seq, outcome: prefixed('OUTCOME', outcome) },
});

/** A refusal as a gateway tells it. */
export const refusal = (reason: KnownReason, message: string): RefusalInput =>
  new Failure(reason, message).toRefusal();

export const caughtUp = (room: string, seq: number) => ({ caughtUp: { room, cursor: cursorAt(seq) } });

/** A batch of reliable messages given as [seq, prevSeq]. */
export const batch = (room: string, ...links: [seq: number, prevSeq: number][]) => ({
  batch: { room, reliable: links.map(([seq, prevSeq]) => message(seq, prevSeq)) },
});

function message(seq: number, prevSeq: number): MessageInput {
  return {
    seq,
    prevSeq,
    fingerprint: seq,
    id: `id-${seq}`,
    type: 'gift',
    timeMs: 1,
    payload: Buffer.from(`p${seq}`),
  };
}

/** Reads events off a subscription, as an application does. */
export class Reader {
  readonly #iterator: AsyncIterator<RoomEvent, undefined>;

  constructor(subscription: RoomSubscription) {
    this.#iterator = subscription[Symbol.asyncIterator]();
  }

  /** The next `count` events. */
  async take(count: number): Promise<RoomEvent[]> {
    const events: RoomEvent[] = [];
    while (events.length < count) {
      const { done, value } = await this.#iterator.next();
      if (done) throw new Error(`ended after ${events.length} of ${count} events`);
      events.push(value);
    }
    return events;
  }

  /** Asks for what comes next. */
  next(): Promise<IteratorResult<RoomEvent, undefined>> {
    return this.#iterator.next();
  }
}

/** An event in one word: "message 7", "gap 3..9". */
export function brief(event: RoomEvent): string {
  switch (event.kind) {
    case 'message':
      return `message ${event.message.seq}`;
    case 'joined':
      return `joined ${event.cursor.seq} ${event.outcome}`;
    case 'caught-up':
      return `caughtUp ${event.cursor.seq}`;
    case 'gap':
      return `gap ${event.after}..${event.next}`;
    case 'reset':
      return `reset ${event.cause} ${event.cursor.seq}`;
    case 'dropped':
      return `dropped ${event.count}`;
    case 'ephemeral':
      return `ephemeral ${event.message.type}`;
    case 'audience':
      return `audience ${event.count}`;
    case 'room-state':
      return `room-state ${event.state.seq}`;
    case 'retrying':
      return `retrying ${event.error.reason}`;
  }
}
