import assert from 'node:assert/strict';
import { NO_POLICY } from '../../server/policy/namespace.ts';
import { Policies } from '../../server/policy/policies.ts';

const namespace = (rooms: string, state?: boolean) => ({ ...NO_POLICY, rooms, state });

describe('policies of rooms', () => {
  it('are those of the first namespace that the name fits, and of no other', () => {
    const policies = new Policies([namespace('quiz-1', true), namespace('quiz-*', false), namespace('*-1')]);
    assert.equal(policies.of('quiz-1').state, true);
    assert.equal(policies.of('quiz-2').state, false);
    assert.equal(policies.of('quiz-').state, false);
    assert.equal(policies.of('show-1').state, undefined);
    assert.equal(policies.of('quiz'), NO_POLICY);
  });

  it('say nothing where there are no namespaces', () => {
    assert.equal(new Policies().of('quiz-1'), NO_POLICY);
  });

  it('are others once there are other namespaces', () => {
    const policies = new Policies([namespace('*', true)]);
    policies.replace([namespace('quiz-*', false)]);
    assert.equal(policies.of('quiz-1').state, false);
    assert.equal(policies.of('show-1'), NO_POLICY);
  });
});
