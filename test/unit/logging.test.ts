import assert from 'node:assert/strict';
import { createLogger } from '../../server/ops/logging.ts';

describe('logging', () => {
  it('writes one JSON object a line, with level name and ISO time', () => {
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line) => lines.push(line) });
    logger.debug({ room: 'a' }, 'hidden');
    logger.info({ room: 'a' }, 'joined');
    logger.error({ err: new Error('broken') }, 'failed');
    assert.equal(lines.length, 2);
    const [joined, failed] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.match(String(joined?.['time']), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.deepEqual(joined, {
      level: 'info',
      time: joined?.['time'],
      room: 'a',
      msg: 'joined',
    });
    assert.equal((failed?.['err'] as { message: string }).message, 'broken');
  });
});
