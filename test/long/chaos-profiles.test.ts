import assert from 'node:assert/strict';
import { join } from 'node:path';
import { profileNames } from '../../chaos/run/profiles.ts';
import { passed } from '../helpers/chaos-report.ts';
import { RunningCli } from '../helpers/cli.ts';
import { tempDir } from '../helpers/temp-dir.ts';

describe('live-cli chaos, profile by profile', () => {
  for (const profile of profileNames) {
    it(`proves ${profile} in a short run`, async () => {
      await using directory = await tempDir();
      const db = join(directory.path, 'chaos.db');
      const args = ['--profile', profile, '--viewers', '8', '--duration', '3s', '--seed', '11', '--db', db];
      const cli = new RunningCli(['chaos', '--json', ...args], directory.path);
      try {
        const report = await passed(cli);
        assert.deepEqual([report['profile'], report['viewers'], report['seed']], [profile, 8, 11]);
        const faults = Object.values(report['faults'] as Record<string, { applied: number }>);
        assert.ok(
          faults.some(({ applied }) => applied > 0),
          'no fault was applied',
        );
      } finally {
        cli.signal('SIGKILL');
        await cli.exit();
      }
    });
  }
});
