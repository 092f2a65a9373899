import assert from 'node:assert/strict';
import { Answers } from '../../chaos/run/viewers/answers.ts';
import type { PublishResult, RoomEvent } from '../../client/index.ts';
import { LiveError } from '../../client/index.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

interface Call {
  readonly key: string;
  readonly resolve: (result: PublishResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Lets everything run that waits for promises alone. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('answers from within a viewer’s loop', () => {
  let clock: ManualClock;
  let calls: Call[];
  let failures: unknown[];
  let answers: Answers;
  let originMs: number;

  beforeEach(() => {
    clock = new ManualClock();
    originMs = clock.wallMs();
    calls = [];
    failures = [];
    answers = new Answers({
      viewer: 'v1',
      clock,
      client: {
        publish: (_room, { key = '' }) =>
          new Promise((resolve, reject) => calls.push({ key, resolve, reject })),
      },
      onFailure: (error) => failures.push(error),
    });
  });

  const message = (sender: string): RoomEvent => ({
    kind: 'message',
    room: 'demo',
    cursor: { epoch: 'a', seq: 1n, fingerprint: 0 },
    message: {
      seq: 1n,
      prevSeq: 0n,
      fingerprint: 0,
      id: '',
      type: 'gift',
      sender,
      timeMs: 0,
      payload: Buffer.alloc(0),
      headers: {},
    },
  });

  it('are published to one in so many messages, to none of other answers, and while it was asked for', async () => {
    await answers.answer(message('chaos'));
    const end = answers.begin(2);
    await answers.answer(message('bot'));
    for (const number of [0, 1]) {
      const first = answers.answer(message('chaos'));
      await answers.answer({
        kind: 'caught-up',
        room: 'demo',
        cursor: { epoch: 'a', seq: 1n, fingerprint: 0 },
      });
      calls[number]?.resolve({ seq: 1n, duplicate: false });
      await first;
      await answers.answer(message('chaos'));
    }
    end();
    await answers.answer(message('chaos'));
    assert.deepEqual(
      calls.map(({ key }) => key),
      ['v1-0', 'v1-1'],
    );
  });

  it('keep the application waiting until their outcome is known, which is taken down', async () => {
    answers.begin(1);
    const outcomes: ((call: Call) => void)[] = [
      ({ resolve }) => resolve({ seq: 7n, duplicate: true }),
      ({ reject }) => reject(new LiveError(14, 'lost', { reason: 'PUBLISH_OUTCOME_UNKNOWN' })),
      ({ reject }) => reject(new LiveError(8, 'full', { reason: 'STREAM_FULL' })),
    ];
    for (const [number, outcome] of outcomes.entries()) {
      let handled = false;
      const handling = answers.answer(message('chaos')).then(() => (handled = true));
      clock.advance(100);
      await breathe();
      assert.equal(handled, false);
      outcome(calls[number] as Call);
      await handling;
    }
    const rest = { room: 'demo' };
    assert.deepEqual(answers.take(originMs), [
      { ...rest, id: 'demo:bot:v1-0', became: 'stored', seq: 7, fromMs: 0, toMs: 100 },
      { ...rest, id: 'demo:bot:v1-1', became: 'unknown', seq: 0, fromMs: 100, toMs: 200 },
      { ...rest, id: 'demo:bot:v1-2', became: 'refused', seq: 0, fromMs: 200, toMs: 300 },
    ]);
    assert.deepEqual(answers.take(originMs), []);
    assert.deepEqual(failures, []);
    assert.equal(clock.pending, 0);
  });

  it('end the viewer when a publish rejects with anything but a LiveError, or has no outcome long after its time', async () => {
    answers.begin(1);
    const broken = answers.answer(message('chaos'));
    calls[0]?.reject(new TypeError('a defect'));
    await assert.rejects(broken, TypeError);
    void answers.answer(message('chaos'));
    clock.advance(32_000);
    assert.equal(failures.length, 0);
    clock.advance(1_000);
    assert.match(String(failures[0]), /no outcome/);
  });

  it('cease for as long as publishing is paused, from when the last one has its outcome', async () => {
    answers.begin(1);
    const underWay = answers.answer(message('chaos'));
    let quiet = false;
    const publishingPaused = answers.pausePublishing().then(() => (quiet = true));
    clock.advance(1_000);
    await breathe();
    assert.equal(quiet, false);
    await answers.answer(message('chaos'));
    calls[0]?.resolve({ seq: 1n, duplicate: false });
    await underWay;
    clock.advance(100);
    await publishingPaused;
    await answers.answer(message('chaos'));
    assert.equal(calls.length, 1);
    answers.resumePublishing();
    void answers.answer(message('chaos'));
    assert.equal(calls.length, 2);
  });
});
