import assert from 'node:assert/strict';
import { join } from 'node:path';
import { profileNames } from '../../chaos/run/profiles.ts';
import { transportNames, transports } from '../../chaos/run/transport.ts';
import { passed } from '../helpers/chaos-report.ts';
import { RunningCli } from '../helpers/cli.ts';
import { tempDir } from '../helpers/temp-dir.ts';

describe('live-cli chaos, profile by profile', () => {
  const kinds = transportNames.flatMap((transport) =>
    profileNames.map((profile) => ({ transport, profile })),
  );
  for (const { transport, profile } of kinds) {
    it(`proves ${profile} in a short run by ${transports[transport]}`, async () => {
      await using directory = await tempDir();
      const db = join(directory.path, 'chaos.db');
      const args = ['--profile', profile, '--viewers', '8', '--duration', '3s', '--seed', '11', '--db', db];
      const cli = new RunningCli(['chaos', '--json', '--transport', transport, ...args], directory.path);
      try {
        const report = await passed(cli);
        assert.deepEqual(
          [report['profile'], report['transport'], report['viewers'], report['seed']],
          [profile, transport, 8, 11],
        );
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
