import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createLogger, errorsOf } from '../../server/observability/logging.ts';
import { sampledLog } from '../../server/observability/sampled-log.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

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

  it('never writes the credentials of an address, wherever they stand', () => {
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line) => lines.push(line) });
    const url = 'nats://user:secret@n1:4222';
    logger.info({ nats: [url, 'tls://token-secret@n2', 'user:p@secret@n3:4222'] }, `ready at ${url}`);
    logger.error({ err: new Error(`${url},nats://u:secret@n2: connection refused`) }, 'failed');
    const text = lines.join('');
    assert.doesNotMatch(text, /secret/);
    const [ready] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(ready?.['nats'], ['nats://***@n1:4222', 'tls://***@n2', '***@n3:4222']);
    assert.equal(ready['msg'], 'ready at nats://***@n1:4222');
  });

  it('writes only the errors of what has nothing to say else, and whose they are', () => {
    const lines: string[] = [];
    const logger = errorsOf(createLogger('debug', { write: (line) => lines.push(line) }), {
      gateway: 'second',
    });
    for (const level of ['debug', 'info', 'warn', 'error', 'fatal'] as const)
      logger[level]({ room: 'a' }, level);
    const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      told.map(({ level, gateway, room, msg }) => [level, gateway, room, msg]),
      [
        ['error', 'second', 'a', 'error'],
        ['fatal', 'second', 'a', 'fatal'],
      ],
    );
  });

  it('writes the first of what happens all the time, and counts the rest', () => {
    const lines: string[] = [];
    const clock = new ManualClock();
    const log = sampledLog(createLogger('info', { write: (line) => lines.push(line) }), clock);
    const storm = (count: number): void => {
      for (let n = 0; n < count; n++) log.info({ n }, 'a session begins');
    };
    storm(1_000);
    log.info({}, 'a session ends');
    assert.equal(lines.length, 20);
    clock.advance(1_000);
    const { leftOut } = JSON.parse(lines[20] ?? '') as { leftOut: object };
    assert.deepEqual(leftOut, { 'a session begins': 980, 'a session ends': 1 });
    storm(1);
    assert.equal(lines.length, 22);
    log.close();
    assert.equal(clock.pending, 0);
  });

  it('keeps the order of lines when the process exits behind the last, however busy it is', () => {
    const logging = new URL('../../server/observability/logging.ts', import.meta.url);
    const program = `
      import { pbkdf2 } from 'node:crypto';
      import { createLogger, errorsOf } from '${logging.href}';
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
