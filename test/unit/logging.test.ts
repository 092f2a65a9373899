import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
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

  it('keeps the order of lines when the process exits behind the last, however busy it is', () => {
    const logging = new URL('../../server/ops/logging.ts', import.meta.url);
    const program = `
      import { pbkdf2 } from 'node:crypto';
      import { createLogger } from '${logging.href}';
      const logger = createLogger('info');
      pbkdf2('a', 'b', 300_000, 64, 'sha512', () => undefined); // Keeps the only thread for files busy.
      logger.info({}, 'draining');
      setImmediate(() => {
        logger.info({}, 'stopped');
        process.exit(0);
      });`;
    const output = execFileSync(process.execPath, ['--import=tsx', '--input-type=module', '-e', program], {
      encoding: 'utf8',
      env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
    });
    const messages = output.match(/(?<="msg":")\w+/g);
    assert.deepEqual(messages, ['draining', 'stopped']);
  });
});
