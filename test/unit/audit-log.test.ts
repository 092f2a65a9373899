import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLogger } from '../../server/observability/logging.ts';
import { openAuditLog } from '../../server/observability/audit-log.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { tempDir } from '../helpers/temp-dir.ts';

type Line = Readonly<Record<string, unknown>>;
const parsed = (text: string): Line[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);

describe('the audit log', () => {
  it('has every action, and of a flood of refusals some, and how many more', () => {
    const lines: string[] = [];
    const clock = new ManualClock();
    const audit = openAuditLog(
      undefined,
      createLogger('info', { write: (line) => void lines.push(line) }),
      clock,
    );
    for (let i = 0; i < 1_000; i++) {
      audit.action({ user: `u${i}`, by: { user: 'mod' } }, 'a user is banned');
      audit.refusal('TOKEN_INVALID', { peer: `10.0.0.1:${i}` });
    }
    audit.refusal('USER_BANNED', { user: 'ann' });
    clock.advance(1_000);
    audit.refusal('TOKEN_INVALID', { peer: 'later' });
    audit.close();
    const told = parsed(lines.join(''));
    assert.equal(told.filter(({ audit: kind }) => kind === 'action').length, 1_000);
    const refused = told.filter(({ audit: kind, leftOut }) => kind === 'refusal' && leftOut === undefined);
    assert.equal(refused.length, 20 + 1 + 1);
    assert.deepEqual(refused.at(20), {
      ...refused.at(20),
      reason: 'USER_BANNED',
      user: 'ann',
      msg: 'refused: USER_BANNED',
    });
    assert.deepEqual(
      told.flatMap(({ leftOut }) => leftOut ?? []),
      [{ 'refused: TOKEN_INVALID': 980 }],
    );
    assert.equal(clock.pending, 0);
  });

  it('is added to its file, and to nothing else', async () => {
    await using directory = await tempDir();
    const file = join(directory.path, 'audit');
    const lines: string[] = [];
    for (const user of ['ann', 'bob']) {
      const audit = openAuditLog(
        file,
        createLogger('info', { write: (line) => void lines.push(line) }),
        new ManualClock(),
      );
      audit.action({ user }, 'a user is banned');
      audit.close();
    }
    assert.deepEqual(
      parsed(await readFile(file, 'utf8')).map(({ audit, user }) => [audit, user]),
      [
        ['action', 'ann'],
        ['action', 'bob'],
      ],
    );
    assert.deepEqual(lines, []);
  });

  it('on a full disk is told in the log, and the gateway goes on', () => {
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line) => void lines.push(line) });
    const audit = openAuditLog('/dev/full', logger, new ManualClock());
    audit.action({ user: 'ann' }, 'a user is banned');
    audit.close();
    assert.match(lines.join(''), /"level":"error".*the audit log cannot be written/);
  });

  it('that cannot be written is told at once', () => {
    assert.throws(
      () => openAuditLog('/does/not/exist', createLogger('silent'), new ManualClock()),
      /--audit-log: \/does\/not\/exist cannot be written: ENOENT/,
    );
  });
});
