import type { Clock } from '../../common/clock.ts';
import { TokenBucket } from '../../common/token-bucket.ts';
import { CompressibleFrame } from '../log/compressible-frame.ts';
import { batchFrame } from '../log/entry-codec.ts';
import { EphemeralRing } from '../log/ephemeral-ring.ts';
import type { EphemeralMessage } from '../log/message.ts';
import type { RoomLog } from '../log/room-log.ts';
import type { Reach, Slice } from '../log/segment.ts';
import { contentsOf } from '../log/segment.ts';
import type { RoomCounters } from './counters.ts';

/** A frame, and where it takes the viewer that it is made for. */
export interface Delivery extends Reach {
  readonly ephemeralUpto: number;
  readonly ephemeralDropped: number;
  /** Whether that is because the viewer came too late for some of them. */
  readonly late: boolean;
  /** The number of viewers that it tells, if it does. */
  readonly audience: number | undefined;
  readonly frame: CompressibleFrame;
}

/** Where a viewer stands: two at the same place are owed the same. */
export interface DeliveryPlace {
  readonly seq: number;
  /** Ephemeral messages seen or told as dropped, as a count into the room's ring. */
  readonly ephemeralSeen: number;
  /** The room's audience as it was last told; undefined before. */
  readonly audience: number | undefined;
}

/** The delivery made for a live viewer at one place, kept for the next one at the same place. */
interface SharedDelivery {
  readonly place: DeliveryPlace;
  readonly delivery: Delivery;
}

/** What deliveries need. */
export interface DeliveriesDependencies {
  readonly room: string;
  readonly clock: Clock;
  /** Ephemeral messages a second that are passed on, at most. */
  readonly ephemeralRate: number;
  readonly counters: Pick<RoomCounters, 'ephemeralSampledOut'>;
  /** Called when frames or ephemeral messages may take more memory than before. */
  readonly grown: () => void;
}

/**
 * Makes the frames of a room: of the log, of the last moment's ephemeral messages, and of the number of viewers. What is made for one
 * live viewer serves all at the same place.
 */
export class Deliveries {
  readonly #room: string;
  readonly #clock: Clock;
  readonly #counters: Pick<RoomCounters, 'ephemeralSampledOut'>;
  readonly #grown: () => void;
  readonly #ephemeral = new EphemeralRing();
  #ephemeralBudget: TokenBucket;
  /** The number of viewers that is told; undefined as long as none was counted. */
  #audience: number | undefined;
  /** Whether viewers have come since it was told. */
  #newcomers = false;
  #shared: SharedDelivery | undefined;

  constructor({ room, clock, ephemeralRate, counters, grown }: DeliveriesDependencies) {
    this.#room = room;
    this.#clock = clock;
    this.#counters = counters;
    this.#grown = grown;
    this.#ephemeralBudget = new TokenBucket(ephemeralRate);
  }

  /** Memory taken by ephemeral messages, in bytes. */
  get memory(): number {
    return this.#ephemeral.memory;
  }

  /** The place of a viewer that comes now: it missed nothing of what came before. */
  get ephemeralCount(): number {
    return this.#ephemeral.count;
  }

  /**
   * Takes an ephemeral message for whoever is live and can take it now; false when it is not passed on. Sampled at the entrance, so that
   * whoever is live gets the same sample, and what is not in it costs next to nothing.
   */
  receive(message: EphemeralMessage): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (this.#ephemeralBudget.take(nowMs)) {
      this.#ephemeral.append(message, nowMs);
      this.#grown();
      return true;
    }
    this.#ephemeral.passOver();
    this.#counters.ephemeralSampledOut++;
    return false;
  }

  /** So many ephemeral messages a second are passed on from now on, at most. */
  limit(ephemeralRate: number): void {
    this.#ephemeralBudget = new TokenBucket(ephemeralRate);
  }

  /** A viewer has come, and is to be told how many they are. */
  welcome(): void {
    this.#newcomers = true;
  }

  /** From now on viewers are told that they are so many, and what was sampled out; false when that is no news to anybody. */
  tellAudience(audience: number): boolean {
    const sampledOut = this.#ephemeral.tellPassedOver();
    const told = this.#audience === audience && !this.#newcomers;
    this.#audience = audience;
    this.#newcomers = false;
    return sampledOut || !told;
  }

  /** There is more than when the shared delivery was made. */
  changed(): void {
    this.#shared = undefined;
  }

  /** What a live viewer at `place` is owed; undefined when it has everything. */
  forLive(log: RoomLog, place: DeliveryPlace, maxEntries: number): Delivery | undefined {
    if (maxEntries !== Infinity) return this.#compose(log, place, maxEntries);
    if (this.#shared !== undefined && isSamePlace(this.#shared.place, place)) return this.#shared.delivery;
    const delivery = this.#compose(log, place, maxEntries);
    // What reaches the head, or the watermark above it, is what everybody who is there gets next.
    if (delivery !== undefined && delivery.upto >= log.head) {
      const { seq, ephemeralSeen, audience } = place;
      this.#shared = { place: { seq, ephemeralSeen, audience }, delivery };
    }
    return delivery;
  }

  /** What is next in the log for a viewer that is not live; undefined when it has everything. */
  forReplay(log: RoomLog, { seq, ephemeralSeen }: DeliveryPlace, maxEntries: number): Delivery | undefined {
    return this.#replay(log, seq, log.read(seq, maxEntries), ephemeralSeen);
  }

  #replay(log: RoomLog, after: number, slice: Slice, ephemeralUpto: number): Delivery | undefined {
    const { upto, fingerprint, count } = slice;
    if (count === 0) return undefined;
    const frame = log.frameOf(after, slice);
    this.#grown();
    const nothing = { ephemeralDropped: 0, late: false, audience: undefined };
    return { upto, fingerprint, count, ephemeralUpto, ...nothing, frame };
  }

  #compose(log: RoomLog, place: DeliveryPlace, maxEntries: number): Delivery | undefined {
    const { seq, ephemeralSeen } = place;
    const slice = log.read(seq, maxEntries);
    const { upto, fingerprint, count } = slice;
    if (upto < log.head) return this.#replay(log, seq, slice, ephemeralSeen);
    const ephemeral = this.#ephemeral.read(ephemeralSeen, this.#clock.monotonicMs());
    const { dropped: ephemeralDropped, late, upto: ephemeralUpto } = ephemeral;
    const audience = this.#audience === place.audience ? undefined : this.#audience;
    const nothing = count === 0 && ephemeral.pieces.length === 0 && ephemeralDropped === 0;
    if (nothing && audience === undefined) return undefined;
    const pieces = [...slice.pieces, ...ephemeral.pieces];
    const encoded = batchFrame(this.#room, pieces, { ephemeralDropped, audience });
    const frame = new CompressibleFrame(encoded, contentsOf(slice, ephemeral));
    return { upto, fingerprint, count, ephemeralUpto, ephemeralDropped, late, audience, frame };
  }
}

function isSamePlace(a: DeliveryPlace, b: DeliveryPlace): boolean {
  return a.seq === b.seq && a.ephemeralSeen === b.ephemeralSeen && a.audience === b.audience;
}
