import type { LiveClient } from '../../client/index.ts';
import { LiveError } from '../../client/index.ts';
import type { Clock, Timer } from '../../common/clock.ts';
import { messageId } from '../../protos/vocabulary.ts';
import type { PublishedMessage, TimeSpan } from '../oracle/history.ts';
import { seqOf } from '../oracle/history.ts';
import type { Recorder } from '../record/recording.ts';
import type { Epochs } from './epochs.ts';
import type { ViewerFleet } from './viewers/fleet.ts';
import type { Answer } from './viewers/protocol.ts';

/** How often what is due is published, in milliseconds. */
const TICK_MS = 10;

/**
 * How long a publish is tried, in milliseconds: longer than every backend fault. Of each few one has less, so that
 * some are answered while a fault lasts; a fifth of it is left for the answer, and that is what a busy machine may take.
 */
const timeouts = { usualMs: 15_000, shortMs: 2_500, oneShortIn: 4 };

const SENDER = 'chaos';

/** What is published, where, and who records it. */
export interface TrafficOptions {
  /** Messages take turns between them, in each room. */
  readonly clients: readonly LiveClient[];
  readonly rooms: readonly string[];
  /** Reliable and ephemeral messages a second, over all rooms. */
  readonly rate: number;
  readonly ephemeralRate: number;
  readonly epochs: Epochs;
  readonly recorder: Pick<Recorder, 'published' | 'unknown'>;
  /** Viewers, who publish too; what becomes of it comes by `answered`. */
  readonly viewers: Pick<ViewerFleet, 'pausePublishing' | 'resumePublishing'>;
  readonly clock: Clock;
  /** The run's clock. */
  readonly nowMs: () => number;
}

/** What a message is called before it is published. */
export interface Draft {
  readonly room: string;
  readonly sender: string;
  readonly key: string;
  /** What NATS knows it by. */
  readonly id: string;
}

/** Messages published so far, by what became of them. */
export interface TrafficCounts {
  readonly acknowledged: number;
  readonly unknown: number;
  /** Not stored, and the publisher knows it. */
  readonly refused: number;
}

/** Publishes at a steady rate, whatever becomes of it, and records what becomes of that and of what viewers publish. */
export class Traffic {
  /** The last sequence acknowledged, by room, of the stream's present incarnation. */
  readonly last = new Map<string, { readonly epoch: string; readonly seq: number }>();
  readonly #options: TrafficOptions;
  readonly #timer: Timer;
  /** Moved on by the time of every pause: what was not published then is not made up for. */
  #startMs: number;
  readonly #underWay = new Set<Promise<void>>();
  readonly #total = { acknowledged: 0, unknown: 0, refused: 0 };
  #paused = false;
  #reliable = 0;
  #ephemeral = 0;
  #extra = 0;

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#startMs = options.clock.monotonicMs();
    this.#timer = options.clock.every(TICK_MS, () => this.#tick());
  }

  get counts(): TrafficCounts {
    return this.#total;
  }

  /** Publishes no more; resolves when the outcome of everything is known, or known to stay unknown. */
  async stop(): Promise<void> {
    this.#timer.cancel();
    await Promise.all([...this.#underWay, this.#options.viewers.pausePublishing()]);
  }

  /** Resolves when nothing is being published; nothing is until the returned function is called. */
  async pause(): Promise<() => void> {
    const { clock, viewers } = this.#options;
    const sinceMs = clock.monotonicMs();
    this.#paused = true;
    await Promise.all([...this.#underWay, viewers.pausePublishing()]);
    return () => {
      if (!this.#paused) return;
      this.#paused = false;
      viewers.resumePublishing();
      this.#startMs += clock.monotonicMs() - sinceMs;
    };
  }

  /** Publishes one more message, of a payload as it is. */
  async publishNow(payload: Buffer): Promise<void> {
    const client = this.#clientOf(this.#extra);
    await this.#track(this.#publish(client, this.#draft(SENDER), payload, timeouts.usualMs));
  }

  /** Has one more message stored, not by a client of this library; `store` returns its sequence. */
  async storeNow(store: (draft: Draft) => Promise<number>): Promise<void> {
    const draft = this.#draft('stock');
    await this.#track(this.#account(draft, () => store(draft)));
  }

  /**
   * Records what became of a message that a viewer has published. Faults are on its way: how long that took says nothing of how
   * late others got it, so it counts as published when it was acknowledged, and a doubt is no publisher's who should know better.
   */
  answered({ room, id, became, seq, fromMs, toMs }: Answer): void {
    const epoch = this.#options.epochs.during({ fromMs, toMs });
    if (became === 'refused') this.#total.refused += 1;
    else if (became === 'unknown' || epoch === undefined) this.#doubt(room, id);
    else this.#store({ room, epoch, seq, id, atMs: toMs, ackedMs: toMs });
  }

  #tick(): void {
    if (this.#paused) return;
    const { clock, rate, ephemeralRate } = this.#options;
    const seconds = (clock.monotonicMs() - this.#startMs) / 1_000;
    while (this.#reliable < seconds * rate) void this.#track(this.#publishReliable(this.#reliable++));
    while (this.#ephemeral < seconds * ephemeralRate)
      void this.#track(this.#publishEphemeral(this.#ephemeral++));
  }

  async #track(publish: Promise<void>): Promise<void> {
    this.#underWay.add(publish);
    try {
      await publish;
    } finally {
      this.#underWay.delete(publish);
    }
  }

  #publishReliable(number: number): Promise<void> {
    const { nowMs } = this.#options;
    const room = this.#roomOf(number);
    const key = String(number);
    const draft = { room, sender: SENDER, key, id: messageId(room, SENDER, key) };
    const payload = Buffer.from(JSON.stringify({ number, atMs: nowMs() }));
    const short = number % timeouts.oneShortIn === 0;
    const timeoutMs = short ? timeouts.shortMs : timeouts.usualMs;
    return this.#publish(this.#clientOf(number), draft, payload, timeoutMs);
  }

  async #publish(
    client: LiveClient | undefined,
    draft: Draft,
    payload: Buffer,
    timeoutMs: number,
  ): Promise<void> {
    if (client === undefined) throw new Error('there is nobody who publishes');
    const { room, sender: by, key } = draft;
    await this.#account(draft, async () => {
      const message = { type: 'gift', sender: by, key, payload };
      const { seq } = await client.publish(room, message, { timeoutMs });
      return seqOf(seq);
    });
  }

  /** Has a message stored, and records what became of it. */
  async #account({ room, id }: Draft, store: () => Promise<number>): Promise<void> {
    const { epochs, nowMs } = this.#options;
    const atMs = nowMs();
    const stamp = epochs.stamp();
    try {
      const seq = await store();
      const epoch = epochs.epochOf(stamp);
      // Stored, but nobody knows in which incarnation.
      if (epoch === undefined) this.#doubt(room, id);
      else this.#store({ room, epoch, seq, id, atMs, ackedMs: nowMs() });
    } catch (error) {
      if (!(error instanceof LiveError) || error.reason === 'PAYLOAD_TOO_LARGE') throw error;
      if (error.reason === 'PUBLISH_OUTCOME_UNKNOWN') this.#doubt(room, id, { fromMs: atMs, toMs: nowMs() });
      else this.#total.refused += 1;
    }
  }

  #store(message: PublishedMessage): void {
    const { room, epoch, seq } = message;
    this.#total.acknowledged += 1;
    this.#options.recorder.published(message);
    const last = this.last.get(room);
    if (last?.epoch !== epoch || last.seq < seq) this.last.set(room, { epoch, seq });
  }

  /** @param asked when the publisher was left in doubt */
  #doubt(room: string, id: string, asked?: TimeSpan): void {
    this.#total.unknown += 1;
    this.#options.recorder.unknown({ room, id, ...(asked && { asked }) });
  }

  /** Nobody asks what became of an ephemeral message. */
  async #publishEphemeral(number: number): Promise<void> {
    await this.#clientOf(number)
      ?.publish(this.#roomOf(number), { type: 'comment', sender: SENDER, payload: `comment ${number}` })
      .catch(() => undefined);
  }

  #draft(by: string): Draft {
    const number = this.#extra++;
    const room = this.#roomOf(number);
    const key = `extra-${number}`;
    return { room, sender: by, key, id: messageId(room, by, key) };
  }

  /** Each room is published to by all of them. */
  #clientOf(number: number): LiveClient | undefined {
    const { clients, rooms } = this.#options;
    return clients[Math.floor(number / rooms.length) % clients.length];
  }

  #roomOf(number: number): string {
    const { rooms } = this.#options;
    return rooms[number % rooms.length] ?? '';
  }
}
