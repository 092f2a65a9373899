import assert from 'node:assert/strict';
import type { WriteStream } from 'node:tty';
import type { Progress } from '../../chaos/run/progress.ts';
import { Status } from '../../chaos/run/status.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

const running: Progress = {
  phase: 'running',
  census: { states: { live: 3 }, faults: {}, delivered: 5, holes: 0 },
  backendFault: 'nats-kill',
  published: { acknowledged: 2, unknown: 0, refused: 0 },
  longestStallMs: 0,
  leftMs: 9_000,
};

describe('the status of a chaos run in a log', () => {
  it('has a line every two seconds, and one for each phase', () => {
    const clock = new ManualClock();
    const lines: string[] = [];
    const status = new Status({ write: (line: string) => lines.push(line) } as unknown as WriteStream, clock);
    for (let shown = 0; shown < 9; shown++) {
      status.show(running);
      clock.advance(250);
    }
    assert.equal(lines.length, 2);
    status.show({ ...running, phase: 'catching-up', leftMs: undefined });
    assert.deepEqual(lines.slice(1), [
      'running 9 s left; 3 live; nats-kill; published 2, delivered 5, lost 0\n',
      'catching-up; 3 live; nats-kill; published 2, delivered 5, lost 0\n',
    ]);
  });
});
