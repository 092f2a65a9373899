import assert from 'node:assert/strict';
import { appSuspend } from '../../chaos/links/faults/app-suspend.ts';
import { deadEndpoint } from '../../chaos/links/faults/dead-endpoint.ts';
import { reentrantPublish } from '../../chaos/links/faults/reentrant-publish.ts';
import { slowReader } from '../../chaos/links/faults/slow-reader.ts';
import type { FaultyViewer } from '../../chaos/links/viewer-fault.ts';
import { HandlingPace } from '../../chaos/links/viewer-fault.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

describe('faults of a viewer', () => {
  let calls: string[];
  let viewer: FaultyViewer;
  let lifted: AbortController;

  beforeEach(() => {
    calls = [];
    lifted = new AbortController();
    viewer = {
      slowDown: (handlingMs) => calls.push(`slow down ${handlingMs}`),
      suspend: () => calls.push('suspend'),
      resume: () => calls.push('resume'),
      resetConnections: () => calls.push('reset connections'),
      silenceDeadEndpoint() {
        calls.push('silence');
        return () => calls.push('refuse again');
      },
      answerMessages(oneIn) {
        calls.push(`answer one in ${oneIn}`);
        return () => calls.push('answer none');
      },
    };
  });

  it('slow the application down until lifted', () => {
    slowReader(50).apply(viewer, lifted.signal);
    lifted.abort();
    assert.deepEqual(calls, ['slow down 50', 'slow down 0']);
  });

  it('suspend the application until lifted', () => {
    appSuspend.apply(viewer, lifted.signal);
    lifted.abort();
    assert.deepEqual(calls, ['suspend', 'resume']);
  });

  it('make the application publish from within its loop until lifted', () => {
    reentrantPublish(3).apply(viewer, lifted.signal);
    lifted.abort();
    assert.deepEqual(calls, ['answer one in 3', 'answer none']);
  });

  it('make the client choose from its endpoints, while the dead one refuses or says nothing', () => {
    deadEndpoint('refused').apply(viewer, lifted.signal);
    assert.deepEqual(calls.splice(0), ['reset connections']);
    deadEndpoint('silent').apply(viewer, lifted.signal);
    lifted.abort();
    assert.deepEqual(calls, ['silence', 'reset connections', 'refuse again']);
  });
});

describe('HandlingPace', () => {
  it('makes each event take its time, and ends the wait when it is set anew', async () => {
    const clock = new ManualClock();
    const pace = new HandlingPace(clock);
    await pace.handle();
    pace.set(100);
    const first = pace.handle();
    clock.advance(100);
    await first;
    const second = pace.handle();
    pace.set(0);
    await second;
    assert.equal(clock.pending, 0);
  });
});
