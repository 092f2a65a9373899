import type { Clock } from '../../common/clock.ts';
import type { Emission } from '../room/event.ts';
import { Queue } from '../../common/queue.ts';
import type { Scheduler, Task } from './scheduler.ts';
import type { Viewer, Waker } from '../room/subscription.ts';

/** A frame behind its prefix, or what makes it at the moment it is written: it then holds what has come meanwhile. */
export type UrgentFrame = Buffer | (() => Buffer);

/** One viewer's stream, as the outlet sees it. */
export interface FrameSink {
  /**
   * Sends one frame with its prefix; the outlet is told by {@link Outlet.written} when the transport can take the next, and may be told before
   * by {@link Outlet.progressed} that it has taken a part.
   */
  write(frame: Buffer): void;
  /** Something of ours broke while a frame was made; nothing more will be written. */
  failed(error: unknown): void;
  /** The frame that tells the viewer of it, behind its prefix. */
  encode(emission: Emission, room: string): Buffer;
}

/** `closed` is final. */
type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'queued' }
  | { readonly kind: 'writing'; readonly sinceMs: number }
  | { readonly kind: 'closed' };

const IDLE: State = { kind: 'idle' };
const QUEUED: State = { kind: 'queued' };

/**
 * Writes one stream: never more than one frame in flight, so that what a viewer is owed stays in the room
 * log, where it costs nothing, and batches grow while the transport is busy.
 */
export class Outlet implements Waker, Task {
  readonly #sink: FrameSink;
  readonly #scheduler: Scheduler;
  readonly #clock: Clock;
  /** Viewers that may have something to be sent, each once; the longest waiting first. Mostly none or one. */
  readonly #ready = new Queue<Viewer>();
  /** Frames that go before any room's. */
  readonly #urgent = new Queue<UrgentFrame>();
  #state: State = IDLE;
  #lastWriteMs: number;

  constructor(sink: FrameSink, scheduler: Scheduler, clock: Clock) {
    this.#sink = sink;
    this.#scheduler = scheduler;
    this.#clock = clock;
    this.#lastWriteMs = clock.monotonicMs();
  }

  /** When a frame was last handed to the transport, on the monotonic clock, in milliseconds. */
  get lastWriteMs(): number {
    return this.#lastWriteMs;
  }

  /** Frames that wait to be written before any room's. */
  get backlog(): number {
    return this.#urgent.length;
  }

  /** Since when the transport has taken nothing of the frame that it is busy with, on the monotonic clock; undefined when it is not. */
  get blockedSinceMs(): number | undefined {
    return this.#state.kind === 'writing' ? this.#state.sinceMs : undefined;
  }

  wake(viewer: Viewer): void {
    if (this.#state.kind === 'closed') return;
    if (!this.#ready.has(viewer)) this.#ready.push(viewer);
    this.#enqueue();
  }

  /** Sends a frame as soon as the transport is free, before any room's. */
  send(frame: UrgentFrame): void {
    if (this.#state.kind === 'closed') return;
    this.#urgent.push(frame);
    this.#enqueue();
  }

  close(): void {
    this.#state = { kind: 'closed' };
    this.#ready.clear();
    this.#urgent.clear();
  }

  /** The transport has taken a part of the frame. */
  progressed(): void {
    if (this.#state.kind === 'writing') this.#state = { kind: 'writing', sinceMs: this.#clock.monotonicMs() };
  }

  /** The transport can take the next frame. */
  written(): void {
    if (this.#state.kind !== 'writing') return;
    this.#state = IDLE;
    if (this.#urgent.length > 0 || this.#ready.length > 0) this.#enqueue();
  }

  run(): void {
    if (this.#state.kind !== 'queued') return;
    this.#state = IDLE;
    try {
      this.#writeNext();
    } catch (error) {
      // One viewer's trouble must not become everybody's.
      this.close();
      this.#sink.failed(error);
    }
  }

  #writeNext(): void {
    const urgent = this.#urgent.shift();
    const frame = typeof urgent === 'function' ? urgent() : (urgent ?? this.#nextOfRooms());
    if (frame === undefined) return;
    this.#lastWriteMs = this.#clock.monotonicMs();
    this.#state = { kind: 'writing', sinceMs: this.#lastWriteMs };
    this.#sink.write(frame);
  }

  #nextOfRooms(): Buffer | undefined {
    for (let viewer = this.#ready.shift(); viewer !== undefined; viewer = this.#ready.shift()) {
      const { room } = viewer;
      const emission = room?.next(viewer);
      if (room === undefined || emission === undefined) continue;
      // Back to the end of the line: rooms on one stream take turns.
      if (!this.#ready.has(viewer)) this.#ready.push(viewer);
      return this.#sink.encode(emission, room.name);
    }
    return undefined;
  }

  #enqueue(): void {
    if (this.#state.kind !== 'idle') return;
    this.#state = QUEUED;
    this.#scheduler.enqueue(this);
  }
}
