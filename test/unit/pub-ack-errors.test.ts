import assert from 'node:assert/strict';
import { verdictOn } from '../../server/nats/publish/pub-ack-errors.ts';

describe('what an error of JetStream says of a message', () => {
  const verdicts: [string, number, string, string][] = [
    ['unknown', 10063, 'expected stream sequence does not match', 'replicas may have stored it'],
    ['unknown', 10158, 'duplicate message id is in process', 'another attempt may store it'],
    ['unknown', 10077, 'store is closed', 'replicas may have stored it'],
    ['unknown', 10077, 'write msgs/1.blk: no space left on device', 'what was written nobody knows'],
    ['unknown', 19999, 'of a later server', 'nothing is known of it'],
    ['full', 10002, 'resource limits exceeded for account', ''],
    ['full', 10023, 'insufficient resources', ''],
    ['full', 10077, 'maximum messages exceeded', ''],
    ['full', 10077, 'maximum bytes exceeded', ''],
    ['full', 10077, 'maximum messages per subject exceeded', ''],
    ['rejected', 10077, 'message to large', 'spelt so before 2.15'],
    ['rejected', 10077, 'message too large', ''],
    ['rejected', 10054, 'message size exceeds maximum allowed', ''],
    ['unready', 10167, 'too many requests', ''],
    ['unfit', 10109, 'invalid operation on sealed stream', ''],
  ];
  for (const [verdict, err_code, description, why] of verdicts) {
    it(`${err_code}, ${description}: ${verdict}${why === '' ? '' : `, ${why}`}`, () => {
      assert.equal(verdictOn({ err_code, description }), verdict);
    });
  }

  it('without a code, nothing', () => {
    assert.equal(verdictOn({}), 'unknown');
  });
});
