import assert from 'node:assert/strict';
import { BackendFaultSchedule } from '../../chaos/run/backend-fault-schedule.ts';
import { watchEventLoop } from '../../chaos/run/event-loop-stalls.ts';
import type { AppliedFault, PlannedFault } from '../../chaos/record/recording.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

/** Lets everything run that waits for promises alone. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the schedule of backend faults', () => {
  let clock: ManualClock;
  let begun: string[];
  let applied: AppliedFault[];

  const planned = (fault: number, name: string, atMs: number, forMs: number): PlannedFault => {
    return { fault, name, viewer: undefined, atMs, forMs };
  };

  /** Each fault takes 100 ms to recover after it was lifted. */
  function scheduleOf(
    faults: PlannedFault[],
    recover = (): Promise<void> => recovered(),
  ): BackendFaultSchedule {
    return new BackendFaultSchedule({
      faults,
      apply: async ({ name }, lifted) => {
        begun.push(name);
        if (!lifted.aborted) await new Promise((resolve) => lifted.addEventListener('abort', resolve));
        await recover();
      },
      onApplied: (fault) => applied.push(fault),
      clock,
      nowMs: () => clock.monotonicMs(),
    });
  }

  const recovered = (): Promise<void> => new Promise((resolve) => clock.after(100, resolve));

  async function advance(byMs: number): Promise<void> {
    await breathe();
    for (let ms = 0; ms < byMs; ms += 10) {
      clock.advance(10);
      await breathe();
    }
  }

  beforeEach(() => {
    clock = new ManualClock();
    begun = [];
    applied = [];
  });

  it('applies one after the other, and waits until what was struck works again', async () => {
    const schedule = scheduleOf([planned(0, 'nats-kill', 50, 100), planned(1, 'nats-pause', 200, 50)]);
    await advance(100);
    assert.equal(schedule.current, 'nats-kill');
    await advance(400);
    await schedule.over;
    assert.deepEqual(applied, [
      { fault: 0, fromMs: 50, toMs: 250 },
      { fault: 1, fromMs: 250, toMs: 400 },
    ]);
    assert.equal(schedule.current, undefined);
  });

  it('leaves faults on viewers alone', async () => {
    await scheduleOf([{ ...planned(0, 'rst', 0, 0), viewer: 'v1' }]).over;
    assert.deepEqual(begun, []);
  });

  it('ends what is in force when it is healed, and applies no more', async () => {
    const schedule = scheduleOf([planned(0, 'nats-kill', 50, 10_000), planned(1, 'nats-pause', 20_000, 50)]);
    await advance(100);
    schedule.heal();
    await advance(100);
    await schedule.over;
    assert.deepEqual(applied, [{ fault: 0, fromMs: 50, toMs: 200 }]);
    assert.deepEqual(begun, ['nats-kill']);
    assert.equal(clock.pending, 0);
  });

  it('fails when something does not come back', async () => {
    const schedule = scheduleOf([planned(0, 'gateway-kill', 0, 0)], () => Promise.reject(new Error('gone')));
    await advance(10);
    await assert.rejects(schedule.over, /gone/);
  });
});

describe('the watch for event-loop stalls', () => {
  it('tells when the event loop has stalled, and not of a little lateness', () => {
    const clock = new ManualClock();
    const spans: number[][] = [];
    const startMs = clock.wallMs();
    const timer = watchEventLoop(clock, ({ fromMs, toMs }) => spans.push([fromMs - startMs, toMs - startMs]));
    clock.advance(1_000);
    clock.sleepThrough(400);
    clock.advance(600);
    clock.sleepThrough(1_050);
    clock.advance(500);
    timer.cancel();
    assert.deepEqual(spans, [[2_050, 3_050]]);
    assert.equal(clock.pending, 0);
  });
});
