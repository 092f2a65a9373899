import assert from 'node:assert/strict';
import { UpstreamError } from '../../server/upstream/upstream-error.ts';
import { createLogger } from '../../server/observability/logging.ts';
import { Failure } from '../../server/session/failure.ts';
import { Refusals } from '../../server/session/refusals.ts';

describe('refusals', () => {
  for (const { what, error, reason, level } of [
    { what: 'a wrong request', error: new Failure('NOT_JOINED', 'no'), reason: 'NOT_JOINED', level: 'debug' },
    {
      what: 'NATS that cannot be asked',
      error: new UpstreamError('away'),
      reason: 'UPSTREAM_UNAVAILABLE',
      level: 'debug',
    },
    { what: 'a fault of ours', error: new TypeError('secret'), reason: 'INTERNAL_ERROR', level: 'error' },
  ]) {
    it(`${what} is ${reason}, and logged as ${level} with what the other side is not told`, () => {
      const lines: string[] = [];
      const logger = createLogger('debug', { write: (line) => lines.push(line) });
      const failure = new Refusals(logger).refuse(error, { room: 'a' }, 'refused');
      assert.equal(failure.reason, reason);
      assert.doesNotMatch(failure.message, /secret/);
      const [line] = lines.map((text) => JSON.parse(text) as { level: string; room: string; err: Error });
      assert.deepEqual([line?.level, line?.room], [level, 'a']);
      assert.match(line?.err.stack ?? '', new RegExp(error.message));
    });
  }
});
