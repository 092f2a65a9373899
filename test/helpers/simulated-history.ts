import type { Random } from '../../common/random.ts';
import type {
  History,
  Place,
  PublishedMessage,
  RoomEvent,
  TimeSpan,
  UnknownMessage,
  ViewerEvent,
  ViewerHistory,
} from '../../chaos/oracle/history.ts';

/** A history whose parts can be changed, to plant defects. */
export interface SimulatedHistory extends History {
  readonly published: PublishedMessage[];
  readonly unknown: UnknownMessage[];
  readonly viewers: SimulatedViewer[];
  readonly finalHeads: Map<string, Place>;
}

export interface SimulatedViewer extends ViewerHistory {
  readonly events: ViewerEvent[];
  readonly disturbed: TimeSpan[];
}

interface Stored extends PublishedMessage {
  readonly prevSeq: number;
}

const rooms = ['tea', 'chess'] as const;
const epochs = ['first', 'second'];
const EVERY_MS = 10;

/**
 * The history of a run in which nothing went wrong that was not announced: viewers that join at different places,
 * reconnect, are restarted and killed, with gaps and one re-creation of the stream, all as they should be.
 */
export function simulateHistory(random: Random, { messages = 40, viewers = 3 } = {}): SimulatedHistory {
  const stored = epochs.flatMap((epoch, index) =>
    store(random, epoch, messages, index * messages * EVERY_MS),
  );
  const acknowledged = stored.filter(() => random() < 0.9);
  const finalHeads = new Map(rooms.map((room) => [room, headOf(stored, room)]));
  return {
    published: acknowledged.map(({ room, epoch, seq, id, atMs }) => ({ room, epoch, seq, id, atMs })),
    unknown: [
      ...stored.filter((message) => !acknowledged.includes(message)),
      { room: 'tea', id: 'never stored' },
    ],
    viewers: Array.from({ length: viewers }, (_, index) => simulateViewer(random, `v${index}`, stored)),
    finalHeads,
    isolation: { maxLatencyMs: 1_000 },
  };
}

function headOf(stored: Stored[], room: string): Place {
  return stored.filter((message) => message.room === room).at(-1) ?? { epoch: 'second', seq: 0 };
}

/** One stream's messages: both rooms share the sequence. */
function store(random: Random, epoch: string, messages: number, fromMs: number): Stored[] {
  const heads = new Map<string, number>();
  return Array.from({ length: messages }, (_, index) => {
    const room = pick(random, rooms);
    const seq = index + 1;
    const prevSeq = heads.get(room) ?? 0;
    heads.set(room, seq);
    return { room, epoch, seq, prevSeq, id: `${epoch}-${seq}`, atMs: fromMs + index * EVERY_MS };
  });
}

function simulateViewer(random: Random, viewer: string, stored: Stored[]): SimulatedViewer {
  const disturbed: TimeSpan[] = [];
  const events: ViewerEvent[] = [{ kind: 'state', state: 'live', atMs: 0 }];
  for (const room of rooms) {
    const inRoom = stored.filter((message) => message.room === room);
    events.push(...new RoomSimulation(random, room, inRoom, disturbed).run());
  }
  return { viewer, events, disturbed };
}

/** An event without where and when. */
type Untold<E> = E extends RoomEvent ? Omit<E, 'room' | 'atMs'> : never;

class RoomSimulation {
  private readonly events: ViewerEvent[] = [];
  private readonly random: Random;
  private readonly room: string;
  private readonly stored: readonly Stored[];
  private readonly disturbed: TimeSpan[];
  private place: Place = { epoch: 'first', seq: 0 };
  private nowMs = 0;
  private state: 'replaying' | 'live' = 'replaying';

  constructor(random: Random, room: string, stored: readonly Stored[], disturbed: TimeSpan[]) {
    this.random = random;
    this.room = room;
    this.stored = stored;
    this.disturbed = disturbed;
  }

  run(): ViewerEvent[] {
    const skipped = Math.floor(this.random() * 4);
    this.place = { epoch: 'first', seq: this.ofEpoch('first')[skipped - 1]?.seq ?? 0 };
    this.join('STARTED');
    this.follow('first', 0.9);
    this.reset();
    this.follow('second', 1);
    this.tell({ kind: 'caught-up', ...this.place });
    this.tell({ kind: 'end', cursor: this.place });
    return this.events;
  }

  /** Takes the messages of an epoch, up to a share of them, with incidents between. */
  private follow(epoch: string, share: number): void {
    const messages = this.ofEpoch(epoch);
    const until = messages[Math.floor(messages.length * share) - 1]?.seq ?? 0;
    for (;;) {
      const message = messages.find(({ seq }) => seq > this.place.seq);
      if (message === undefined || message.seq > until) return;
      if (this.random() < 0.15) this.incident(messages);
      else this.deliver(message);
    }
  }

  private deliver({ epoch, seq, prevSeq, id, atMs }: Stored): void {
    if (this.state === 'replaying' && atMs > this.nowMs) {
      this.tell({ kind: 'caught-up', ...this.place });
      this.state = 'live';
    }
    if (this.random() < 0.1) this.tell({ kind: 'ephemeral' });
    this.nowMs = Math.max(this.nowMs, atMs);
    this.place = { epoch, seq };
    this.tell({ kind: 'message', epoch, seq, prevSeq, id });
  }

  private incident(messages: Stored[]): void {
    const [reconnect, restart, kill] = [0.4, 0.6, 0.8];
    const which = this.random();
    if (which < reconnect) {
      this.lose();
      this.join('RESUMED');
    } else if (which < restart) {
      this.tell({ kind: 'restart', how: 'clean', cursor: this.place });
      this.join('RESUMED');
    } else if (which < kill) {
      this.kill(messages);
    } else {
      this.gap(messages);
    }
  }

  private kill(messages: Stored[]): void {
    const told = this.events.findLastIndex((event) => event.kind !== 'message' && event.kind !== 'ephemeral');
    const since = this.events.slice(told + 1).filter((event) => event.kind === 'message');
    const forgotten = pick(this.random, since);
    if (forgotten !== undefined) {
      const before = messages.findLast(({ seq }) => seq < forgotten.seq);
      this.place = { epoch: forgotten.epoch, seq: Math.max(before?.seq ?? 0, forgotten.prevSeq) };
    }
    this.tell({ kind: 'restart', how: 'killed', cursor: this.place });
    this.join('RESUMED');
  }

  private gap(messages: Stored[]): void {
    const ahead = messages.filter(({ seq }) => seq > this.place.seq);
    const next = pick(this.random, ahead.slice(0, 4));
    if (next === undefined) return;
    this.lose();
    this.join('GAP');
    this.tell({ kind: 'gap', after: this.place.seq, next: next.seq, expected: true });
    this.place = { epoch: next.epoch, seq: next.seq - 1 };
  }

  private reset(): void {
    this.lose();
    this.join('RESET');
    this.place = { epoch: 'second', seq: 0 };
    this.tell({ kind: 'reset', ...this.place, expected: true });
  }

  private lose(): void {
    this.nowMs += 100;
    this.events.push({ kind: 'state', state: 'backoff', atMs: this.nowMs });
    this.disturbed.push({ fromMs: this.nowMs, toMs: this.nowMs });
  }

  private join(outcome: 'STARTED' | 'RESUMED' | 'GAP' | 'RESET'): void {
    this.state = 'replaying';
    this.tell({ kind: 'joined', ...this.place, head: this.place.seq + 5, outcome });
  }

  private tell(event: Untold<RoomEvent>): void {
    this.nowMs += 1;
    this.events.push({ ...event, room: this.room, atMs: this.nowMs });
  }

  private ofEpoch(epoch: string): Stored[] {
    return this.stored.filter((message) => message.epoch === epoch);
  }
}

/** One of `items`, or undefined if there is none. */
export function pick<T>(random: Random, items: readonly [T, ...T[]]): T;
export function pick<T>(random: Random, items: readonly T[]): T | undefined;
export function pick<T>(random: Random, items: readonly T[]): T | undefined {
  return items[Math.floor(random() * items.length)];
}
