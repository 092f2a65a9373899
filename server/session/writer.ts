import type { Clock } from '../../common/clock.ts';
import { Queue } from '../../common/queue.ts';
import type { RoomEvent } from '../room/event.ts';
import type { Subscription, Waker } from '../room/subscription.ts';
import type { Scheduler, Task } from './scheduler.ts';

/** A frame behind its prefix, or what makes it at the moment it is written: it then holds what has come meanwhile. */
export type UrgentFrame = Buffer | (() => Buffer);

/**
 * Where a writer's frames go: one write at a time. The writer is told by {@link Writer.written} when the next can be taken, and may be told before
 * by {@link Writer.progressed} that a part of the last one was.
 */
export interface FrameSink {
  /** Sends frames with their prefixes, in this order: one at least. */
  write(frames: readonly Buffer[]): void;
  /** The frame, with its prefix, that tells the viewer what its subscription has for it. */
  frameOf(event: RoomEvent, room: string): Buffer;
  /** Something of ours broke while a frame was made; nothing more will be written. */
  failed(error: unknown): void;
}

/** Frames that wait are written together as long as they are no more than so many bytes, but for the last: each write costs a call of the system. */
const TOGETHER_BYTES = 32 * 1024;

/** `closed` is final. */
type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'queued' }
  | { readonly kind: 'writing'; readonly sinceMs: number }
  | { readonly kind: 'closed' };

const IDLE: State = { kind: 'idle' };
const QUEUED: State = { kind: 'queued' };

/**
 * Writes one stream: never more than one write in flight, so that what a viewer is owed stays in the room
 * log, where it costs nothing, and batches grow while the transport is busy.
 */
export class Writer implements Waker, Task {
  readonly #sink: FrameSink;
  readonly #scheduler: Scheduler;
  readonly #clock: Clock;
  /** Subscriptions that may have something to be sent, each once; the longest waiting first. Mostly none or one. */
  readonly #ready = new Queue<Subscription>();
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

  wake(subscription: Subscription): void {
    if (this.#state.kind === 'closed') return;
    if (!this.#ready.has(subscription)) this.#ready.push(subscription);
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
    const frames: Buffer[] = [];
    for (let bytes = 0; bytes < TOGETHER_BYTES;) {
      const frame = this.#nextUrgent() ?? this.#nextOfRooms();
      if (frame === undefined) break;
      frames.push(frame);
      bytes += frame.length;
    }
    if (frames.length === 0) return;
    this.#begin();
    this.#sink.write(frames);
  }

  #nextUrgent(): Buffer | undefined {
    const urgent = this.#urgent.shift();
    return typeof urgent === 'function' ? urgent() : urgent;
  }

  #nextOfRooms(): Buffer | undefined {
    for (let next = this.#ready.shift(); next !== undefined; next = this.#ready.shift()) {
      const event = next.next();
      if (event === undefined) continue;
      // Back to the end of the line: rooms on one stream take turns.
      if (!this.#ready.has(next)) this.#ready.push(next);
      return this.#sink.frameOf(event, next.room);
    }
    return undefined;
  }

  #begin(): void {
    this.#lastWriteMs = this.#clock.monotonicMs();
    this.#state = { kind: 'writing', sinceMs: this.#lastWriteMs };
  }

  #enqueue(): void {
    if (this.#state.kind !== 'idle') return;
    this.#state = QUEUED;
    this.#scheduler.enqueue(this);
  }
}
