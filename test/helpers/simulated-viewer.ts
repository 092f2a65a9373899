import assert from 'node:assert/strict';
import { historyEvent, placeOf } from '../../chaos/oracle/client-events.ts';
import type { Place, RoomEvent, ViewerHistory } from '../../chaos/oracle/history.ts';
import type {
  Cursor,
  CursorStore,
  From,
  LiveClientOptions,
  RoomEvent as ClientRoomEvent,
  RoomSubscription,
} from '../../client/index.ts';
import { LiveClient, MemoryCursorStore } from '../../client/index.ts';
import type { MemoryTransport } from './memory-transport.ts';
import type { StreamModel } from './stream-model.ts';

/** The client of a viewer, but for what the viewer brings. */
export type ClientParts = Omit<LiveClientOptions, 'transport' | 'cursorStore'>;

/** One room that the viewer's application follows. */
interface Following {
  readonly from: From;
  readonly subscription: RoomSubscription;
}

/**
 * An application that follows rooms with the real client and records what it is given. It may be slow, and its process
 * may end and begin again: its cursors outlive it.
 */
export class SimulatedViewer {
  readonly name: string;
  readonly transport: MemoryTransport;
  readonly events: RoomEvent[] = [];
  readonly #stream: StreamModel;
  readonly #parts: ClientParts;
  readonly #clock: NonNullable<ClientParts['clock']>;
  readonly #cursors = new MemoryCursorStore();
  readonly #rooms = new Map<string, Following>();
  readonly #failures: unknown[] = [];
  #process: Process;
  #pace = new Pace();
  #violations = 0;

  constructor(
    name: string,
    stream: StreamModel,
    transport: MemoryTransport,
    parts: ClientParts & { readonly clock: NonNullable<ClientParts['clock']> },
  ) {
    this.name = name;
    this.transport = transport;
    this.#stream = stream;
    this.#parts = parts;
    this.#clock = parts.clock;
    this.#process = this.#start();
  }

  /** What the client found wrong with what it was sent: messages that repeat, or do not follow. */
  get violations(): number {
    const { continuityViolations, duplicatesDropped } = this.#process.client.counters;
    return this.#violations + continuityViolations + duplicatesDropped;
  }

  /** Follows a room, unless it does; at the stored cursor if there is one. */
  join(room: string, from: From = 'live'): void {
    if (this.#rooms.has(room)) return;
    const process = this.#process;
    const subscription = process.client.join(room, { from, cursorName: this.name });
    this.#rooms.set(room, { from, subscription });
    this.#read(process, subscription).catch((error: unknown) => this.#failures.push(error));
  }

  /** From now on the application takes nothing, until {@link sip} or {@link hasten}. */
  dawdle(): void {
    this.#pace.stop();
  }

  /** The application takes one more event of each room. */
  sip(): void {
    this.#pace.go();
    this.#pace.stop();
  }

  hasten(): void {
    this.#pace.go();
  }

  /** The process ends, and a new one goes on from what was stored: all that was given out, or less if it was killed. */
  restart(how: 'clean' | 'killed'): void {
    const rooms = [...this.#rooms];
    this.#end(how);
    this.#violations = this.violations;
    this.#process = this.#start();
    for (const [room, { from }] of rooms) {
      const atMs = this.#clock.monotonicMs();
      this.events.push({ kind: 'restart', room, atMs, how, cursor: this.#storedPlace(room) });
      this.join(room, from);
    }
  }

  /** Ends for good. What was recorded is complete. */
  close(): void {
    const rooms = [...this.#rooms.keys()];
    this.#end('clean');
    this.transport.cutAll();
    const atMs = this.#clock.monotonicMs();
    for (const room of rooms) {
      this.events.push({ kind: 'end', room, atMs, cursor: this.#storedPlace(room) });
    }
    assert.deepEqual(this.#failures, []);
  }

  get history(): ViewerHistory {
    return { viewer: this.name, events: this.events };
  }

  #start(): Process {
    const store = new ProcessStore(this.#cursors);
    const client = new LiveClient({ ...this.#parts, transport: this.transport, cursorStore: store });
    return { client, store };
  }

  #end(how: 'clean' | 'killed'): void {
    if (how === 'clean') for (const { subscription } of this.#rooms.values()) subscription.commit();
    this.#process.store.stop();
    this.#rooms.clear();
    void this.#process.client.close();
  }

  async #read(process: Process, subscription: RoomSubscription): Promise<void> {
    for await (const event of subscription) {
      if (process !== this.#process || process.store.stopped) return;
      this.#record(event);
      await this.#pace.ready;
    }
  }

  #record(event: ClientRoomEvent): void {
    const expected = event.kind === 'gap' || event.kind === 'reset' ? this.#isExpected(event) : true;
    const recorded = historyEvent(event, this.#clock.monotonicMs(), expected);
    if (recorded === undefined) return;
    this.#doubtPlace(event.room);
    const told = recorded.kind === 'joined' || recorded.kind === 'caught-up';
    const bare = 'cursor' in event && event.cursor.fingerprint === 0;
    this.events.push(told && bare ? { ...recorded, ambiguous: true } : recorded);
  }

  /** Where the viewer stood until now may be of any history, once the stream has let go of what could tell. */
  #doubtPlace(room: string): void {
    const index = this.events.findLastIndex((event) => event.room === room && 'seq' in event);
    const event = this.events[index];
    if (event?.kind !== 'message' && event?.kind !== 'caught-up' && event?.kind !== 'joined') return;
    if (this.#stream.hasForgotten(event)) this.events[index] = { ...event, ambiguous: true };
  }

  /** Whether something that was stored in between, or where it begins, was let go, or there is another history. */
  #isExpected(event: Extract<ClientRoomEvent, { kind: 'gap' | 'reset' }>): boolean {
    const { room, cursor } = event;
    const { epoch } = cursor;
    const { stored, letGo, rewinds } = this.#stream;
    if (event.kind === 'gap') {
      // Of any room: the stream tells no more.
      return stored.some(
        (message) =>
          message.epoch === epoch &&
          message.seq >= event.after &&
          message.seq < event.next &&
          letGo.has(message.content.id),
      );
    }
    const before = this.events.findLast((earlier) => earlier.room === room && 'epoch' in earlier);
    const recreated = before === undefined || !('epoch' in before) || before.epoch !== epoch;
    return recreated || rewinds.some((rewind) => rewind.epoch === epoch);
  }

  #storedPlace(room: string): Place | undefined {
    const cursor = this.#cursors.load(this.name, room);
    return cursor && placeOf(cursor);
  }
}

interface Process {
  readonly client: LiveClient;
  readonly store: ProcessStore;
}

/** The store as a process sees it: once that has ended, it stores nothing more. */
class ProcessStore implements CursorStore {
  readonly #cursors: MemoryCursorStore;
  stopped = false;

  constructor(cursors: MemoryCursorStore) {
    this.#cursors = cursors;
  }

  stop(): void {
    this.stopped = true;
  }

  load(name: string, room: string): Cursor | undefined {
    return this.#cursors.load(name, room);
  }

  save(name: string, room: string, cursor: Cursor): void {
    if (!this.stopped) this.#cursors.save(name, room, cursor);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }
}

/** Lets those who wait for `ready` go on, or not. */
class Pace {
  ready: Promise<void> | undefined;
  #go: (() => void) | undefined;

  stop(): void {
    this.ready ??= new Promise((resolve) => (this.#go = resolve));
  }

  go(): void {
    this.#go?.();
    this.ready = this.#go = undefined;
  }
}
