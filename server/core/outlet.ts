import type { Emission } from './emission.ts';
import type { Room } from './room.ts';
import type { Scheduler, Task } from './scheduler.ts';
import type { Viewer, Waker } from './viewer.ts';

/**
 * A frame to one viewer takes at most so many bytes of messages (but at least one message): what is in
 * flight cannot be taken back, and other rooms on the stream wait behind it.
 */
const FRAME_LIMIT = { bytes: 64 * 1024, entries: Infinity };

/** A frame behind its prefix, or what makes it at the moment it is written: it then holds what has come meanwhile. */
export type UrgentFrame = Buffer | (() => Buffer);

/** One viewer's stream, as the outlet sees it. */
export interface FrameSink {
  /** Sends one frame with its prefix; `done` is called when the transport can take the next, or never. */
  write(frame: Buffer, done: () => void): void;
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
  readonly #nowMs: () => number;
  readonly #rooms = new Map<Viewer, Room>();
  /** Viewers that may have something to be sent; the longest waiting first. */
  readonly #ready = new Set<Viewer>();
  /** Frames that go before any room's. */
  #urgent: UrgentFrame[] = [];
  #state: State = IDLE;
  #lastWriteMs: number;
  readonly #written = (): void => this.#finishWrite();

  constructor(sink: FrameSink, scheduler: Scheduler, nowMs: () => number) {
    this.#sink = sink;
    this.#scheduler = scheduler;
    this.#nowMs = nowMs;
    this.#lastWriteMs = nowMs();
  }

  /** When a frame was last handed to the transport, on the monotonic clock, in milliseconds. */
  get lastWriteMs(): number {
    return this.#lastWriteMs;
  }

  /** Frames that wait to be written before any room's. */
  get backlog(): number {
    return this.#urgent.length;
  }

  /** Since when the transport has been busy with one frame, on the monotonic clock; undefined when it is not. */
  get blockedSinceMs(): number | undefined {
    return this.#state.kind === 'writing' ? this.#state.sinceMs : undefined;
  }

  attach(viewer: Viewer, room: Room): void {
    this.#rooms.set(viewer, room);
  }

  detach(viewer: Viewer): void {
    this.#rooms.delete(viewer);
    this.#ready.delete(viewer);
  }

  wake(viewer: Viewer): void {
    if (!this.#rooms.has(viewer)) return;
    this.#ready.add(viewer);
    this.#enqueue();
  }

  /** Sends a frame as soon as the transport is free, before any room's. */
  send(frame: UrgentFrame): void {
    this.#urgent.push(frame);
    this.#enqueue();
  }

  close(): void {
    this.#state = { kind: 'closed' };
    this.#rooms.clear();
    this.#ready.clear();
    this.#urgent = [];
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
    this.#lastWriteMs = this.#nowMs();
    this.#state = { kind: 'writing', sinceMs: this.#lastWriteMs };
    this.#sink.write(frame, this.#written);
  }

  #nextOfRooms(): Buffer | undefined {
    for (const viewer of this.#ready) {
      const room = this.#rooms.get(viewer) as Room;
      // Back to the end of the line: rooms on one stream take turns.
      this.#ready.delete(viewer);
      const emission = room.next(viewer, FRAME_LIMIT);
      if (emission === undefined) continue;
      this.#ready.add(viewer);
      return this.#sink.encode(emission, room.name);
    }
    return undefined;
  }

  #finishWrite(): void {
    if (this.#state.kind !== 'writing') return;
    this.#state = IDLE;
    if (this.#urgent.length > 0 || this.#ready.size > 0) this.#enqueue();
  }

  #enqueue(): void {
    if (this.#state.kind !== 'idle') return;
    this.#state = QUEUED;
    this.#scheduler.enqueue(this);
  }
}
