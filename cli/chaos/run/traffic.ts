import type { LiveClient } from '../../../client/index.ts';
import { LiveError } from '../../../client/index.ts';
import type { Clock, Timer } from '../../../common/clock.ts';
import { messageId } from '../../../protos/vocabulary.ts';
import { seqOf } from '../oracle/history.ts';
import type { Recorder } from '../recording.ts';
import type { Epochs, Stamp } from './epochs.ts';

/** How often what is due is published, in milliseconds. */
const tickMs = 10;

/** How long a publish is tried, in milliseconds: longer than every fault behind the gateways. */
const publishTimeoutMs = 15_000;

const sender = 'chaos';

/** What is published, where, and who takes it down. */
export interface TrafficOptions {
  /** Messages take turns between them. */
  readonly clients: readonly LiveClient[];
  readonly rooms: readonly string[];
  /** Reliable and ephemeral messages a second, over all rooms. */
  readonly rate: number;
  readonly ephemeralRate: number;
  readonly epochs: Epochs;
  readonly recorder: Pick<Recorder, 'published' | 'unknown'>;
  readonly clock: Clock;
  /** The run's clock. */
  readonly nowMs: () => number;
}

/** Messages published so far, by what became of them. */
export interface TrafficCounts {
  readonly acknowledged: number;
  readonly unknown: number;
  /** Not stored, and the publisher knows it. */
  readonly refused: number;
}

/** Publishes at a steady rate, whatever becomes of it. */
export class Traffic {
  /** The last sequence acknowledged, by room, of the stream's present incarnation. */
  readonly last = new Map<string, { readonly epoch: string; readonly seq: number }>();
  private readonly options: TrafficOptions;
  private readonly timer: Timer;
  private readonly startMs: number;
  private readonly underWay = new Set<Promise<void>>();
  private readonly total = { acknowledged: 0, unknown: 0, refused: 0 };
  private reliable = 0;
  private ephemeral = 0;

  constructor(options: TrafficOptions) {
    this.options = options;
    this.startMs = options.clock.monotonicMs();
    this.timer = options.clock.every(tickMs, () => this.tick());
  }

  get counts(): TrafficCounts {
    return this.total;
  }

  /** Publishes no more; resolves when the outcome of everything is known, or known to stay unknown. */
  async stop(): Promise<void> {
    this.timer.cancel();
    await Promise.all(this.underWay);
  }

  private tick(): void {
    const { clock, rate, ephemeralRate } = this.options;
    const seconds = (clock.monotonicMs() - this.startMs) / 1_000;
    while (this.reliable < seconds * rate) this.begin(this.publish(this.reliable++));
    while (this.ephemeral < seconds * ephemeralRate) this.begin(this.whisper(this.ephemeral++));
  }

  private begin(publish: Promise<void>): void {
    this.underWay.add(publish);
    void publish.finally(() => this.underWay.delete(publish));
  }

  private async publish(number: number): Promise<void> {
    const { epochs, nowMs, recorder } = this.options;
    const { client, room } = this.turn(number);
    const key = String(number);
    const id = messageId(room, sender, key);
    const atMs = nowMs();
    const stamp: Stamp = epochs.stamp();
    const message = { type: 'gift', sender, key, payload: JSON.stringify({ number, atMs }) };
    try {
      const { seq: acknowledged } = await client.publish(room, message, { timeoutMs: publishTimeoutMs });
      const epoch = epochs.epochOf(stamp);
      if (epoch === undefined) {
        this.doubt(room, id);
        return;
      }
      const seq = seqOf(acknowledged);
      this.total.acknowledged += 1;
      recorder.published({ room, epoch, seq, id, atMs });
      const last = this.last.get(room);
      if (last?.epoch !== epoch || last.seq < seq) this.last.set(room, { epoch, seq });
    } catch (error) {
      if (!(error instanceof LiveError)) throw error;
      if (error.reason === 'PUBLISH_OUTCOME_UNKNOWN') this.doubt(room, id);
      else this.total.refused += 1;
    }
  }

  private doubt(room: string, id: string): void {
    this.total.unknown += 1;
    this.options.recorder.unknown({ room, id });
  }

  /** Nobody asks what became of an ephemeral message. */
  private async whisper(number: number): Promise<void> {
    const { client, room } = this.turn(number);
    await client
      .publish(room, { type: 'comment', sender, payload: `comment ${number}` })
      .catch(() => undefined);
  }

  private turn(number: number): { client: LiveClient; room: string } {
    const { clients, rooms } = this.options;
    const client = clients[number % clients.length];
    const room = rooms[number % rooms.length];
    if (client === undefined || room === undefined) throw new Error('traffic needs a client and a room');
    return { client, room };
  }
}
