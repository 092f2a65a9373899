import type { Clock } from '../../common/clock.ts';
import { Histogram } from '../../common/histogram.ts';
import type { CompressibleFrame } from '../log/compressible-frame.ts';
import type { RoomEvent } from '../room/event.ts';
import type { TransportName } from './carrier.ts';
import { TRANSPORTS } from './carrier.ts';

type Batch = Extract<RoomEvent, { kind: 'batch' }>;

/** From what is not to be noticed to what everybody notices, in seconds. */
const LATENCY_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The form of batches that a client asked for. */
export type FrameForm = 'plain' | 'deflated';

/** What was handed to viewers of one transport in one form. */
export interface Delivered {
  readonly transport: TransportName;
  readonly reliable: { readonly messages: number; readonly bytes: number };
  readonly ephemeral: { readonly messages: number; readonly bytes: number };
}

/**
 * Counts what is handed to viewers. A frame goes to many of them one after the other, and what is in it is added up once for all of these: a delivery
 * costs a comparison and an addition.
 */
export class Tally implements Delivered {
  readonly transport: TransportName;
  readonly form: FrameForm;
  readonly reliable = { messages: 0, bytes: 0 };
  readonly ephemeral = { messages: 0, bytes: 0 };
  /** Bytes that compression kept from being sent. */
  savedBytes = 0;
  readonly #latency: Histogram;
  readonly #clock: Clock;
  #frame: CompressibleFrame | undefined;
  #live = false;
  #times = 0;

  constructor(transport: TransportName, form: FrameForm, latency: Histogram, clock: Clock) {
    this.transport = transport;
    this.form = form;
    this.#latency = latency;
    this.#clock = clock;
  }

  /** A viewer is handed a batch. */
  note({ frame, live }: Batch): void {
    if (frame === this.#frame && live === this.#live) {
      this.#times++;
      return;
    }
    this.add();
    this.#frame = frame;
    this.#live = live;
    this.#times = 1;
  }

  /** Adds up what was noted. To be called before the loop yields: what was written is timed by it, and the frame is let go of. */
  add(): void {
    if (this.#frame === undefined) return;
    const { contents, plain } = this.#frame;
    const times = this.#times;
    this.reliable.messages += times * contents.reliable;
    this.reliable.bytes += times * contents.reliableBytes;
    this.ephemeral.messages += times * contents.ephemeral;
    this.ephemeral.bytes += times * contents.ephemeralBytes;
    this.savedBytes += times * (plain.length - this.#frame[this.form].length);
    if (this.#live && contents.reliable > 0) {
      const ms = this.#clock.wallMs() - contents.storedMs;
      // The clocks of NATS and this machine are two.
      this.#latency.observe(Math.max(0, ms) / 1_000, times);
    }
    this.#frame = undefined;
  }
}

/** What all sessions are handed: by transport and form, and how long live messages took to get there. */
export class Traffic {
  /** From when the oldest reliable message of a live batch was stored to when a viewer was handed it, in seconds. */
  readonly latencySeconds = new Histogram(LATENCY_SECONDS);
  readonly #clock: Clock;
  readonly #tallies = new Map<string, Tally>();

  constructor(clock: Clock) {
    this.#clock = clock;
    for (const transport of TRANSPORTS) this.of(transport, 'plain');
  }

  /** Where what is handed over by this transport, in this form, is counted: the same for all that ask. */
  of(transport: TransportName, form: FrameForm): Tally {
    const key = `${transport} ${form}`;
    let tally = this.#tallies.get(key);
    if (tally === undefined)
      this.#tallies.set(key, (tally = new Tally(transport, form, this.latencySeconds, this.#clock)));
    return tally;
  }

  /** Adds up what was noted since the loop last yielded. */
  add(): void {
    for (const tally of this.#tallies.values()) tally.add();
  }

  /** So far, of what was added up. */
  get delivered(): readonly Delivered[] {
    return [...this.#tallies.values()];
  }

  /** Bytes that compression kept from being sent. */
  get savedBytes(): number {
    let bytes = 0;
    for (const tally of this.#tallies.values()) bytes += tally.savedBytes;
    return bytes;
  }
}
