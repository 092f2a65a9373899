import type Database from 'better-sqlite3';
import type { Clock } from '../../common/clock.ts';
import { systemClock } from '../../common/clock.ts';
import type { Outage, Place, PublishedMessage, UnknownMessage, ViewerEvent } from '../oracle/history.ts';
import type { AppliedFault, Recorder, RunPlan, ViewerTotals } from './recording.ts';
import { openForWriting } from './database.ts';
import { EventEncoder } from './event-encoder.ts';
import { microsOf } from './micros.ts';
import { TextCodes } from './texts.ts';
import { WriteQueue } from './write-queue.ts';

/**
 * Records one run into the database at `path`, beside those that are there. Its memory does not grow with the events:
 * 16 KiB a viewer, and what was published once.
 * @throws RecordingError if the file is something else.
 */
export function openRecorder(path: string, clock: Clock = systemClock): Recorder {
  return new SqliteRecorder(openForWriting(path), clock);
}

interface RecordedViewer {
  readonly number: number;
  readonly encoder: EventEncoder;
  chunks: number;
}

class SqliteRecorder implements Recorder {
  readonly #database: Database.Database;
  readonly #clock: Clock;
  readonly #queue: WriteQueue;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #texts: TextCodes;
  readonly #viewers = new Map<string, RecordedViewer>();
  readonly #counts = { published: 0, unknown: 0, faults: 0, outages: 0 };
  #planned: number | undefined;

  constructor(database: Database.Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#queue = new WriteQueue(database, clock);
    this.#statements = prepare(database);
    this.#texts = new TextCodes((code, text) => {
      const run = this.#run;
      this.#queue.push(() => this.#statements.text.run(run, code, text));
    });
  }

  plan(plan: RunPlan): void {
    if (this.#planned !== undefined) throw new Error('a recorder takes one run');
    const startedAtMs = this.#clock.wallMs();
    const { lastInsertRowid } = this.#statements.run.run(plan.run, startedAtMs, JSON.stringify(plan));
    this.#planned = Number(lastInsertRowid);
  }

  published({ room, epoch, seq, id, atMs, ackedMs }: PublishedMessage): void {
    const n = this.#counts.published++;
    const [roomCode, epochCode, idCode] = [room, epoch, id].map((text) => this.#texts.codeOf(text));
    const row = [this.#run, n, roomCode, epochCode, seq, idCode, microsOf(atMs), microsIf(ackedMs)];
    this.#queue.push(() => this.#statements.published.run(row));
  }

  unknown({ room, id, asked }: UnknownMessage): void {
    const [roomCode, idCode] = [room, id].map((text) => this.#texts.codeOf(text));
    const span = [microsIf(asked?.fromMs), microsIf(asked?.toMs)];
    const row = [this.#run, this.#counts.unknown++, roomCode, idCode, ...span];
    this.#queue.push(() => this.#statements.unknown.run(row));
  }

  events(name: string, events: readonly ViewerEvent[]): void {
    const viewer = this.#viewer(name);
    for (const event of events) {
      viewer.encoder.append(event);
      if (viewer.encoder.full) this.#flush(viewer);
    }
  }

  fault({ fault, fromMs, toMs }: AppliedFault): void {
    const row = [this.#run, this.#counts.faults++, fault, microsOf(fromMs), microsOf(toMs)];
    this.#queue.push(() => this.#statements.fault.run(row));
  }

  outage({ fromMs, toMs, causes, blind, unstorable }: Outage): void {
    const span = [microsOf(fromMs), microsOf(toMs)];
    const what = [causes.join(' '), Number(blind), Number(unstorable)];
    const row = [this.#run, this.#counts.outages++, ...span, ...what];
    this.#queue.push(() => this.#statements.outage.run(row));
  }

  totals({ viewer, reconnects, bytes, duplicatesDropped, continuityViolations }: ViewerTotals): void {
    const row = [this.#run, viewer, reconnects, bytes, duplicatesDropped, continuityViolations];
    this.#queue.push(() => this.#statements.totals.run(row));
  }

  finalHeads(heads: ReadonlyMap<string, Place>): void {
    const run = this.#run;
    for (const [room, { epoch, seq }] of heads) {
      this.#queue.push(() => this.#statements.finalHeads.run(run, room, epoch, seq));
    }
  }

  historyReads(count: number): void {
    const run = this.#run;
    this.#queue.push(() => this.#statements.historyReads.run(count, run));
  }

  sameStream(epoch: string, first: string): void {
    const run = this.#run;
    this.#queue.push(() => this.#statements.rename.run(first, run, epoch));
  }

  close(): void {
    if (!this.#database.open) return;
    try {
      for (const viewer of this.#viewers.values()) this.#flush(viewer);
      const run = this.#planned;
      if (run !== undefined) this.#queue.push(() => this.#statements.complete.run(run));
      this.#queue.finish();
    } finally {
      this.#database.close();
    }
  }

  /** Number of the run in the database. */
  get #run(): number {
    if (this.#planned === undefined) throw new Error('the plan of a run comes first');
    return this.#planned;
  }

  #viewer(name: string): RecordedViewer {
    const known = this.#viewers.get(name);
    if (known !== undefined) return known;
    const viewer = { number: this.#viewers.size, encoder: new EventEncoder(this.#texts), chunks: 0 };
    this.#viewers.set(name, viewer);
    const row = [this.#run, viewer.number, name];
    this.#queue.push(() => this.#statements.viewer.run(row));
    return viewer;
  }

  #flush(viewer: RecordedViewer): void {
    const chunk = viewer.encoder.take();
    if (chunk === undefined) return;
    const { fromUs, toUs, events, data } = chunk;
    const row = [this.#run, viewer.number, viewer.chunks++, fromUs, toUs, events, data];
    this.#queue.push(() => this.#statements.events.run(row));
  }
}

function microsIf(ms: number | undefined): number | null {
  return ms === undefined ? null : microsOf(ms);
}

function prepare(database: Database.Database) {
  const insert = (table: string, columns: number) =>
    database.prepare(`INSERT INTO ${table} VALUES (${Array(columns).fill('?').join(', ')})`);
  return {
    run: database.prepare('INSERT INTO runs (name, started_at_ms, plan) VALUES (?, ?, ?)'),
    historyReads: database.prepare('UPDATE runs SET history_reads = ? WHERE run = ?'),
    complete: database.prepare('UPDATE runs SET complete = 1 WHERE run = ?'),
    text: insert('texts', 3),
    rename: database.prepare('UPDATE texts SET text = ? WHERE run = ? AND text = ?'),
    published: insert('published', 8),
    unknown: insert('unknown', 6),
    fault: insert('faults', 5),
    outage: insert('outages', 7),
    finalHeads: insert('settled', 4),
    viewer: insert('viewers', 3),
    totals: insert('totals', 6),
    events: insert('events', 7),
  };
}
