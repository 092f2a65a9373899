import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import type { History, Place, ViewerEvent } from '../../chaos/oracle/history.ts';
import { openForReading, RecordingError } from '../../chaos/record/database.ts';
import { loadEvents, loadHistory } from '../../chaos/record/history.ts';
import { openRecorder } from '../../chaos/record/recorder.ts';
import { findRun, loadFaults, loadPlan, loadTotals } from '../../chaos/record/runs.ts';
import { seededRandom } from '../../common/random.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { recordRun, runPlan } from '../helpers/recorded.ts';
import { simulateHistory } from '../helpers/simulated-history.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

describe('recorded runs', () => {
  let directory: TempDir;
  let path: string;

  beforeEach(async () => {
    directory = await tempDir();
    path = join(directory.path, 'runs', 'chaos.db');
  });
  afterEach(() => directory[Symbol.asyncDispose]());

  it('are loaded as they were recorded: any events', () => {
    let runs = 0;
    fc.assert(
      fc.property(fc.dictionary(name, fc.array(anyEvent, { maxLength: 40 })), (byViewer) => {
        const viewers = Object.entries(byViewer).map(([viewer, events]) => ({ viewer, events }));
        const plan = recordRun(path, { published: [], viewers }, { plan: { run: `r${runs++}` } });
        assert.deepEqual(contentOf(loadHistory(path, plan.run)).viewers, viewers);
      }),
      { numRuns: 100 },
    );
  });

  it('are loaded as they were recorded: histories of whole runs, in many chunks', () => {
    let runs = 0;
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (seed) => {
        const history = simulateHistory(seededRandom(seed), { messages: 2_000, viewers: 2 });
        const plan = recordRun(path, history, { plan: { run: `r${runs++}` } });
        assert.deepEqual(contentOf(loadHistory(path, plan.run)), contentOf(history));
      }),
      { numRuns: 3 },
    );
    const database = openForReading(path);
    const [row] = database.prepare<[], { chunk: number }>('SELECT max(chunk) AS chunk FROM events').all();
    database.close();
    assert.ok((row?.chunk ?? 0) > 0, 'one chunk held everything');
  });

  it('lie side by side in one database, the last one found as such', () => {
    const histories = [1, 2, 3].map((seed) => simulateHistory(seededRandom(seed)));
    histories.forEach((history, index) => recordRun(path, history, { plan: { run: `run ${index}` } }));
    histories.forEach((history, index) => {
      assert.deepEqual(contentOf(loadHistory(path, `run ${index}`)), contentOf(history));
      assert.ok(findRun(path, `run ${index}`).complete);
    });
    assert.equal(findRun(path, 'last').plan.run, 'run 2');
  });

  it('keep when publishers were answered, and what was impossible', () => {
    const place = { room: 'demo', epoch: 'one' };
    const published = [
      { ...place, seq: 1, id: 'a', atMs: 1, ackedMs: 2.5 },
      { ...place, seq: 2, id: 'b', atMs: 2 },
    ];
    const unknown = [
      { room: 'demo', id: 'c', asked: { fromMs: 3, toMs: 4.5 } },
      { room: 'demo', id: 'd' },
    ];
    const outages = [
      { fromMs: 5, toMs: 6.5, causes: ['READS_FAILING', 'STREAM_MISSING'], blind: true, unstorable: false },
      { fromMs: 7, toMs: 8, causes: ['STORAGE_FULL'], blind: false, unstorable: true },
    ];
    const truth = { noticeMs: 100, staleMs: 200 };
    const plan = recordRun(path, { published, unknown, outages, viewers: [] }, { plan: { truth } });
    const loaded = loadHistory(path, plan.run);
    assert.deepEqual([...loaded.published], published);
    assert.deepEqual([...(loaded.unknown ?? [])], unknown);
    assert.deepEqual(loaded.outages, outages);
    assert.deepEqual(loaded.truth, truth);
  });

  it('keep what a stream was called for the first time', () => {
    const events: ViewerEvent[] = ['b', 'a'].map((epoch) => {
      return { kind: 'caught-up', room: 'demo', atMs: 1, epoch, seq: 1 };
    });
    const recorder = openRecorder(path);
    recorder.plan(runPlan({ viewers: 1 }));
    recorder.events('v0', events);
    recorder.sameStream('b', 'a');
    recorder.close();
    const [viewer] = [...loadHistory(path, 'last').viewers];
    const epochs = [...(viewer?.events ?? [])].map((event) => 'epoch' in event && event.epoch);
    assert.deepEqual(epochs, ['a', 'a']);
  });

  it('keep plan, faults, totals and reads', () => {
    const fault = { name: 'half-open', atMs: 100, forMs: 50 };
    const plan = runPlan({
      viewers: 2,
      faults: [
        { ...fault, fault: 0, viewer: 'v0' },
        { ...fault, fault: 1, viewer: undefined },
      ],
      isolation: { maxLatencyMs: 500, recoveryMs: 1_000 },
    });
    const faults = [
      { fault: 1, fromMs: 101.5, toMs: 160 },
      { fault: 0, fromMs: 100, toMs: 150 },
    ];
    const totals = [
      { viewer: 'v0', reconnects: 2, bytes: 5_000_000_000, duplicatesDropped: 1, continuityViolations: 0 },
    ];
    const viewers = ['v0', 'v1'].map((viewer) => ({ viewer, events: [live(1)] }));
    recordRun(path, { published: [], viewers }, { plan, faults, totals, historyReads: 12 });
    assert.deepEqual(loadPlan(path, 'r1'), plan);
    const run = findRun(path, 'r1');
    assert.equal(run.historyReads, 12);
    assert.deepEqual(loadFaults(path, run), faults);
    assert.deepEqual(loadTotals(path, run), totals);
    const history = loadHistory(path, 'r1');
    assert.deepEqual(history.isolation, { maxLatencyMs: 500 });
    assert.deepEqual(
      Array.from(history.viewers, ({ disturbed }) => disturbed),
      [
        [
          { fromMs: 101.5, toMs: 1_160 },
          { fromMs: 100, toMs: 1_150 },
        ],
        [{ fromMs: 101.5, toMs: 1_160 }],
      ],
    );
  });

  it('give the events of one viewer around a moment', () => {
    const events = Array.from({ length: 5_000 }, (_, index) => live(index * 10));
    recordRun(path, { published: [], viewers: [{ viewer: 'v0', events }] });
    assert.deepEqual(
      loadEvents(path, 'r1', 'v0', { fromMs: 40_000, toMs: 40_020 }),
      events.slice(4_000, 4_003),
    );
    assert.throws(() => loadEvents(path, 'r1', 'v9', { fromMs: 0, toMs: 1 }), /run "r1" has no viewer "v9"/);
  });

  it('are written in slices, in the background', () => {
    const clock = new ManualClock();
    const recorder = openRecorder(path, clock);
    recorder.plan(runPlan());
    const stored = (): number => Array.from(loadHistory(path, 'r1').published).length;
    for (let seq = 1; seq <= 1_000; seq++) {
      recorder.published({ room: 'demo', epoch: 'e', seq, id: `id ${seq}`, atMs: seq });
    }
    assert.equal(stored(), 0);
    clock.advance(200);
    assert.equal(stored(), 1_000);
    recorder.close();
  });

  it('of which the transport was not recorded, when there was only one, are of gRPC', () => {
    const { transport: _, ...plan } = recordRun(path, { published: [], viewers: [] });
    const database = new Database(path);
    database.prepare('UPDATE runs SET plan = ?').run(JSON.stringify(plan));
    database.close();
    assert.equal(loadPlan(path, plan.run).transport, 'grpc');
  });

  it('that did not come to their end are seen as such', () => {
    const recorder = openRecorder(path);
    recorder.plan(runPlan());
    assert.equal(findRun(path, 'r1').complete, false);
    recorder.close();
    assert.equal(findRun(path, 'r1').complete, true);
  });

  it('have names of their own, and a plan first', () => {
    recordRun(path, { published: [], viewers: [] });
    assert.throws(() => recordRun(path, { published: [], viewers: [] }), /UNIQUE/);
    const recorder = openRecorder(path);
    assert.throws(() => recorder.events('v0', [live(1)]), /the plan of a run comes first/);
    recorder.close();
  });

  describe('say clearly', () => {
    const refused = (fn: () => unknown, message: RegExp): void => {
      assert.throws(fn, (error) => error instanceof RecordingError && message.test(error.message));
    };

    it('that there is no such file, and make none', () => {
      refused(() => findRun(path, 'last'), /chaos\.db: there is no such file/);
      refused(() => loadPlan(path, 'r1'), /there is no such file/);
    });

    it('that there is no such run', () => {
      openRecorder(path).close();
      refused(() => loadPlan(path, 'last'), /has no runs/);
      recordRun(path, { published: [], viewers: [] });
      refused(() => loadHistory(path, 'r9'), /has no run "r9"/);
    });

    it('that a file is something else, and leave it alone', async () => {
      const text = join(directory.path, 'notes.txt');
      await writeFile(text, 'not a database, but long enough to be looked at '.repeat(10));
      refused(() => findRun(text, 'last'), /notes\.txt is no database of recorded runs/);
      refused(() => openRecorder(text), /notes\.txt is no database of recorded runs/);
      const foreign = join(directory.path, 'foreign.db');
      new Database(foreign).exec('CREATE TABLE cursors (name TEXT)').close();
      refused(() => findRun(foreign, 'last'), /foreign\.db is no database of recorded runs/);
      refused(() => openRecorder(foreign), /foreign\.db is no database of recorded runs/);
    });

    it('that a recording has another version', () => {
      openRecorder(path).close();
      const database = new Database(path);
      database.pragma('user_version = 99');
      database.close();
      refused(() => findRun(path, 'last'), /has version 99 of the recording/);
    });

    it('that a chunk is damaged', () => {
      recordRun(path, { published: [], viewers: [{ viewer: 'v0', events: [live(1), live(2)] }] });
      const database = new Database(path);
      database.exec("UPDATE events SET data = x'ff'");
      database.close();
      assert.throws(() => contentOf(loadHistory(path, 'r1')), /ends in the middle of a number/);
    });
  });
});

function live(atMs: number): ViewerEvent {
  return { kind: 'state', atMs, state: 'live' };
}

/** What a history says, without how it is kept. */
function contentOf({ published, unknown = [], viewers, finalHeads = new Map<string, Place>() }: History) {
  return {
    published: [...published],
    unknown: Array.from(unknown, ({ room, id }) => ({ room, id })),
    viewers: Array.from(viewers, ({ viewer, events }) => ({ viewer, events: [...events] })),
    finalHeads: new Map(Array.from(finalHeads, ([room, { epoch, seq }]) => [room, { epoch, seq }])),
  };
}

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 });
const seq = fc.maxSafeNat();
const micros = (max: number) => fc.integer({ min: 0, max }).map((us) => us / 1_000);
/** Objects like any other, which strict equality can compare. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { noNullPrototype: true });
const place = record({ epoch: name, seq });
const cursor = fc.option(place, { nil: undefined });
const inRoom = { room: name, atMs: micros(2 ** 50) };

const anyEvent: fc.Arbitrary<ViewerEvent> = fc.oneof(
  record({
    kind: fc.constant('state' as const),
    atMs: inRoom.atMs,
    state: fc.constantFrom('idle', 'connecting', 'live', 'suspect', 'moving', 'backoff', 'closed'),
  }),
  record({
    ...inRoom,
    kind: fc.constant('joined' as const),
    epoch: name,
    seq,
    head: seq,
    outcome: fc.constantFrom('STARTED', 'RESUMED', 'GAP', 'RESET'),
  }),
  record({ ...inRoom, kind: fc.constant('message' as const), epoch: name, seq, prevSeq: seq, id: name }),
  record({ ...inRoom, kind: fc.constant('gap' as const), after: seq, next: seq, expected: fc.boolean() }),
  record({ ...inRoom, kind: fc.constant('reset' as const), epoch: name, seq, expected: fc.boolean() }),
  record({ ...inRoom, kind: fc.constant('caught-up' as const), epoch: name, seq }),
  record({ ...inRoom, kind: fc.constant('ephemeral' as const) }),
  record({
    ...inRoom,
    kind: fc.constant('ephemeral' as const),
    ageMs: fc.integer({ min: -9, max: 9_999 }),
  }),
  record({ ...inRoom, kind: fc.constant('dropped' as const), count: fc.nat() }),
  record({ ...inRoom, kind: fc.constant('retrying' as const) }),
  record({
    kind: fc.constant('upstream' as const),
    atMs: inRoom.atMs,
    upstream: fc.constantFrom('OK', 'DEGRADED'),
    causes: fc.subarray(['NATS_UNREACHABLE', 'STORAGE_FULL', 'FEED_MISSING']),
  }),
  record({
    ...inRoom,
    kind: fc.constant('restart' as const),
    how: fc.constantFrom('clean', 'killed'),
    cursor,
  }),
  record({ ...inRoom, kind: fc.constant('end' as const), cursor }),
);
