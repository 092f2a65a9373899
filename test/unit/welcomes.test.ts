import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { encodeFrame } from '../../server/session/encode-frame.ts';
import { welcomeFrame } from '../../server/session/frames.ts';
import { Policies } from '../../server/policy/policies.ts';
import { PublishService } from '../../server/session/publish-service.ts';
import { Welcomes } from '../../server/session/welcomes.ts';
import { SESSION_LIMITS } from '../helpers/session-rig.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { unlimited } from '../helpers/unlimited.ts';

describe('Isolated: answers to Hello', () => {
  it('are what they would be for one, whatever was agreed on before', () => {
    let epoch = 'LIVE@1';
    const nowhere = { reliable: () => assert.fail(), ephemeral: () => assert.fail() };
    const clock = new ManualClock();
    const publishing = new PublishService(
      nowhere,
      { maxPayload: 1_000, policies: new Policies() },
      unlimited(clock),
      clock,
    );
    const served = { limits: SESSION_LIMITS, publishing, epoch: () => epoch };
    const welcomes = new Welcomes(served);
    const given: Buffer[] = [];
    const expected: Buffer[] = [];
    const agree = (frameBytes: number, form: 'plain' | 'deflated'): void => {
      const id = randomUUID();
      const terms = { frameBytes, form, states: given.length % 2 === 1 };
      given.push(welcomes.of(id, terms));
      expected.push(encodeFrame(welcomeFrame(id, terms, served)));
    };
    agree(65_536, 'plain');
    agree(65_536, 'plain');
    agree(65_536, 'deflated');
    agree(4_096, 'deflated');
    epoch = 'LIVE@22';
    agree(4_096, 'deflated');
    // Compared at the end: none may have been written into another.
    assert.deepEqual(given, expected);
  });
});
