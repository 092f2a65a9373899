import assert from 'node:assert/strict';
import { join } from 'node:path';
import fc from 'fast-check';
import type { ViewerEvent } from '../../chaos/oracle/history.ts';
import type { GuaranteeName, ViolationKind } from '../../chaos/oracle/verdict.ts';
import { openRecorder } from '../../chaos/record/recorder.ts';
import { Distribution } from '../../chaos/report/distribution.ts';
import { reportJson } from '../../chaos/report/json.ts';
import { judgeRun } from '../../chaos/report/judge.ts';
import { reportLines } from '../../chaos/report/print.ts';
import type { RunReport } from '../../chaos/report/run-report.ts';
import { seededRandom } from '../../common/random.ts';
import { handMadeEvents, handMadeHistory, handMadeDetails, message } from '../helpers/hand-made-run.ts';
import type { RunDetails } from '../helpers/recorded.ts';
import { recordRun, runPlan } from '../helpers/recorded.ts';
import { simulateHistory } from '../helpers/simulated-history.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

describe('reports of runs', () => {
  let directory: TempDir;
  let path: string;

  beforeEach(async () => {
    directory = await tempDir();
    path = join(directory.path, 'chaos.db');
  });
  afterEach(() => directory[Symbol.asyncDispose]());

  /** Records the hand-made run with other events and judges it. */
  const judge = (events?: ViewerEvent[], details: RunDetails = handMadeDetails): RunReport => {
    recordRun(path, handMadeHistory(events), details);
    return judgeRun(path, 'last');
  };

  it('give the measures of a hand-made run exactly', () => {
    const { guarantees, startedAt, ...json } = reportJson(judge());
    assert.ok(Math.abs(Date.parse(startedAt) - Date.now()) < 60_000);
    assert.deepEqual(
      Object.entries(guarantees).map(([name, { checks, failed }]) => [name, checks > 0, failed]),
      [
        ...['Ordered', 'Unique', 'Reliable', 'Resumable', 'Bookmarked', 'Isolated'].map((name) => [
          name,
          true,
          0,
        ]),
        // The run has no bounds for it.
        ['Truthful', false, 0],
      ],
    );
    assert.deepEqual(json, {
      verdict: 'pass',
      reasons: [],
      run: 'r1',
      seed: 7,
      profile: 'flaky-mobile',
      transport: 'grpc',
      durationMs: 2_500,
      viewers: 1,
      rooms: 1,
      published: 4,
      unknown: 1,
      delivered: 4,
      lost: 0,
      duplicated: 0,
      reordered: 0,
      silentGaps: 0,
      signalledGaps: 0,
      unexpectedGaps: 0,
      cursorRegressions: 0,
      reconnects: 1,
      resumeMs: all(50),
      detectMs: all(500),
      reconnectMs: all(900),
      latencyMs: { count: 3, p50: 7, p95: 20, p99: 20, max: 20 },
      replayLatencyMs: all(710),
      replayed: 1,
      gateways: null,
      historyReads: 3,
      historyReadsPerReconnect: 3,
      ephemeral: {
        received: 3,
        dropped: 1,
        receivedShare: 0.75,
        stalenessMs: { count: 3, p50: 6, p95: 100, p99: 100, max: 100 },
      },
      bytes: 2_048,
      duplicatesDropped: 2,
      continuityViolations: 1,
      offences: [],
      faults: {
        'half-open': {
          planned: 2,
          applied: 1,
          exposed: 1,
          noticed: 1,
          reconnected: 1,
          detectMs: all(500),
          reconnectMs: all(900),
        },
        'nats-kill': {
          planned: 1,
          applied: 1,
          exposed: 1,
          noticed: 0,
          reconnected: 0,
          detectMs: none,
          reconnectMs: none,
        },
      },
      neverStruck: [],
      db: path,
      replay: `live-cli chaos --replay r1 --db ${path}`,
    });
  });

  it('name the faults that never struck, and why, also of a pass', () => {
    const { plan } = handMadeDetails;
    const pause = { fault: 3, name: 'nats-pause', viewer: undefined, atMs: 2_450, forMs: 10 };
    const faults = [...(plan?.faults ?? []), pause];
    const wanted = ['half-open', 'nats-kill', 'nats-pause', 'partition', 'rst'];
    const report = judge(undefined, { ...handMadeDetails, plan: { ...plan, faults, wanted } });
    assert.equal(report.verdict, 'pass');
    assert.deepEqual(reportJson(report).neverStruck, [
      { name: 'nats-pause', why: 'the run ended before its turn' },
      { name: 'partition', why: 'it needs --nats-cluster' },
      { name: 'rst', why: 'the run is too short for all: a longer --duration has it' },
    ]);
    const text = reportLines(report).join('\n');
    assert.match(text, /never struck +nats-pause: the run ended before its turn/);
  });

  it('say that nobody shares a connection by WebSocket', () => {
    const { plan } = handMadeDetails;
    const wanted = ['stuck-neighbour'];
    const report = judge(undefined, {
      ...handMadeDetails,
      plan: { ...plan, transport: 'websocket', wanted },
    });
    assert.equal(reportJson(report).transport, 'websocket');
    const text = reportLines(report).join('\n');
    assert.match(text, /transport +WebSocket/);
    assert.match(text, /never struck +stuck-neighbour: only viewers by gRPC share connections/);
  });

  it('tell how each viewer fared', () => {
    const [viewer] = judge().viewers;
    const { states, ...rest } = viewer!;
    assert.equal(states.length, 7);
    assert.deepEqual(rest, {
      viewer: 'v0',
      delivered: 4,
      violations: 0,
      outageMs: 400,
      longestOutageMs: 400,
      slowestResumeMs: 50,
      totals: handMadeDetails.totals?.[0],
    });
  });

  it('pass simulated runs in which nothing went wrong, restarts, gaps and resets included', () => {
    let runs = 0;
    fc.assert(
      fc.property(fc.integer({ min: 0 }), (seed) => {
        const { isolation: _, ...history } = simulateHistory(seededRandom(seed));
        const run = `r${runs++}`;
        recordRun(path, history, { plan: { run, viewers: 3 } });
        const report = judgeRun(path, run);
        assert.deepEqual(report.reasons, []);
        assert.equal(report.verdict, 'pass');
      }),
      { numRuns: 10 },
    );
  });

  describe('name planted defects', () => {
    const defects: readonly [
      what: string,
      plant: (events: ViewerEvent[]) => void,
      expected: Partial<ReturnType<typeof reportJson>>,
      first: { guarantee: GuaranteeName; kind: ViolationKind; seq: number; atMs: number },
    ][] = [
      [
        'a message dropped',
        (events) => events.splice(indexOf(events, 1), 1),
        { lost: 1, silentGaps: 1, delivered: 3 },
        { guarantee: 'Reliable', kind: 'lost', seq: 1, atMs: 220 },
      ],
      [
        'a message repeated',
        (events) => events.splice(indexOf(events, 4), 0, message(3, 1_990)),
        { duplicated: 1 },
        { guarantee: 'Unique', kind: 'duplicated', seq: 3, atMs: 1_990 },
      ],
      [
        'messages reordered',
        (events) => events.splice(indexOf(events, 1), 3, message(2, 105), message(1, 220)),
        { reordered: 1 },
        { guarantee: 'Ordered', kind: 'reordered', seq: 1, atMs: 220 },
      ],
      [
        'a gap hidden: skipped, and the chain repaired',
        (events) => {
          events.splice(indexOf(events, 3), 1);
          const at = indexOf(events, 4);
          events[at] = { ...(events[at] as ViewerEvent & { kind: 'message' }), prevSeq: 2 };
        },
        { lost: 1, silentGaps: 0 },
        { guarantee: 'Reliable', kind: 'lost', seq: 3, atMs: 1_950 },
      ],
      [
        'a gap announced for no reason',
        (events) =>
          events.splice(indexOf(events, 3), 1, {
            kind: 'gap',
            room: 'demo',
            atMs: 1_908,
            after: 2,
            next: 4,
            expected: false,
          }),
        { signalledGaps: 1, unexpectedGaps: 1, lost: 0 },
        { guarantee: 'Reliable', kind: 'signalled-gap', seq: 4, atMs: 1_908 },
      ],
      [
        'a cursor that goes back',
        (events) => {
          const at = events.findLastIndex(({ kind }) => kind === 'joined');
          events[at] = { ...(events[at] as ViewerEvent & { kind: 'joined' }), seq: 1 };
        },
        { cursorRegressions: 1, lost: 0 },
        { guarantee: 'Resumable', kind: 'cursor-regression', seq: 1, atMs: 1_905 },
      ],
    ];
    for (const [what, plant, expected, first] of defects) {
      it(what, () => {
        const events = handMadeEvents();
        plant(events);
        const report = judge(events);
        const json = reportJson(report);
        assert.equal(json.verdict, 'fail');
        for (const [field, value] of Object.entries(expected)) {
          assert.deepEqual(json[field as keyof typeof json], value, field);
        }
        const offence = json.offences.find(({ kind }) => kind === first.kind);
        assert.equal(offence?.guarantee, first.guarantee);
        const { detail: _, ...where } = offence.first;
        const { guarantee, ...place } = first;
        assert.deepEqual(where, { viewer: 'v0', room: 'demo', ...place });
        assert.ok((json.guarantees[guarantee]?.failed ?? 0) > 0);
        const around = report.offences.find(({ kind }) => kind === first.kind)?.around ?? [];
        assert.ok(
          around.some((event) => event.atMs === first.atMs),
          'what the viewer got at that moment is shown',
        );
        const text = reportLines(report).join('\n');
        assert.match(text, /FAIL/);
        assert.match(text, new RegExp(`${first.kind}.*v0.*${first.seq}`));
      });
    }
  });

  describe('pass nothing of which they know too little', () => {
    const fails = (report: RunReport, reason: RegExp): void => {
      assert.equal(report.verdict, 'fail');
      assert.match(report.reasons.join('\n'), reason);
    };

    it('a run that checked nothing', () => {
      recordRun(path, { published: [], viewers: [] }, { plan: { viewers: 0 } });
      fails(judgeRun(path, 'r1'), /Ordered: nothing was checked/);
    });

    it('a recording that was cut off', () => {
      const recorder = openRecorder(path);
      recorder.plan(runPlan());
      fails(judgeRun(path, 'r1'), /the recording did not come to its end/);
      recorder.close();
    });

    it('a run whose end nobody waited for', () => {
      const { finalHeads: _, ...history } = handMadeHistory();
      recordRun(path, history, handMadeDetails);
      fails(judgeRun(path, 'r1'), /the last messages were not checked/);
    });

    it('but know that a reduced run has one viewer', () => {
      const plan = { ...handMadeDetails.plan, viewers: 100, onlyViewer: 'v0' };
      recordRun(path, handMadeHistory(), { ...handMadeDetails, plan });
      assert.deepEqual(judgeRun(path, 'r1').reasons, []);
    });

    it('viewers that are missing or never got in', () => {
      const connecting: ViewerEvent = { kind: 'state', atMs: 0, state: 'connecting' };
      const history = handMadeHistory();
      const viewers = [...history.viewers, { viewer: 'v1', events: [connecting] }];
      recordRun(path, { ...history, viewers }, { plan: { viewers: 3 } });
      const report = judgeRun(path, 'r1');
      fails(report, /1 of 3 viewers left nothing behind/);
      fails(report, /viewer v1 never joined a room/);
    });
  });

  it('quote the names in the command that replays the run', () => {
    recordRun(path, handMadeHistory(), { plan: { run: "it's 1" } });
    assert.equal(judgeRun(path, 'last').replay, `live-cli chaos --replay 'it'\\''s 1' --db ${path}`);
  });
});

describe('distributions of durations', () => {
  it('have quantiles by nearest rank, to three digits, and the exact maximum', () => {
    const distribution = new Distribution();
    for (let ms = 1; ms <= 100; ms++) distribution.add(ms);
    assert.deepEqual(distribution.quantiles(), { count: 100, p50: 50, p95: 95, p99: 99, max: 100 });
    distribution.add(12_345);
    assert.equal(distribution.quantiles().max, 12_345);
    const small = new Distribution();
    for (const ms of [0.123, -5, 1.236]) small.add(ms);
    assert.deepEqual(small.quantiles(), { count: 3, p50: 0.12, p95: 1.236, p99: 1.236, max: 1.236 });
    assert.deepEqual(new Distribution().quantiles(), none);
  });

  it('are off by less than half a percent, whatever the values', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1, max: 1e7, noNaN: true }), { minLength: 1 }), (values) => {
        const distribution = new Distribution();
        for (const value of values) distribution.add(value);
        const sorted = values.toSorted((a, b) => a - b);
        const { p50, p95, p99, max } = distribution.quantiles();
        for (const [share, value] of [
          [0.5, p50],
          [0.95, p95],
          [0.99, p99],
        ] as const) {
          const exact = sorted[Math.ceil(share * sorted.length) - 1]!;
          assert.ok(Math.abs(value! / exact - 1) <= 0.005, `${share}: ${value} for ${exact}`);
        }
        assert.ok(Math.abs(max! - sorted.at(-1)!) <= 0.001);
      }),
    );
  });

  it('fall into bins of the same width on a logarithmic scale, without holes', () => {
    const distribution = new Distribution();
    for (const ms of [1, 1, 5, 100]) distribution.add(ms);
    assert.deepEqual(
      distribution.logBins(1).map(({ from, to, count }) => [Math.round(from), Math.round(to), count]),
      [
        [1, 10, 3],
        [10, 100, 0],
        [100, 1_000, 1],
      ],
    );
    assert.deepEqual(new Distribution().logBins(1), []);
  });
});

const none = { count: 0, p50: null, p95: null, p99: null, max: null };

function all(value: number) {
  return { count: 1, p50: value, p95: value, p99: value, max: value };
}

function indexOf(events: ViewerEvent[], seq: number): number {
  return events.findIndex((event) => event.kind === 'message' && event.seq === seq);
}
