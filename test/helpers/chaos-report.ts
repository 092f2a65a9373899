import assert from 'node:assert/strict';
import type { RunningCli } from './cli.ts';

/** The one object that `live-cli chaos --json` prints; its verdict has to be a pass. */
export async function passed(cli: RunningCli): Promise<Record<string, unknown>> {
  const code = await cli.exit();
  assert.equal(code, 0, `exit code ${code}\n${cli.stderr}\n${cli.stdout}`);
  assert.equal(cli.lines.length, 1);
  const [report = {}] = cli.objects;
  assert.equal(report['verdict'], 'pass');
  assert.ok(Number(report['delivered']) > 0);
  assert.deepEqual(
    [report['lost'], report['duplicated'], report['reordered'], report['silentGaps']],
    [0, 0, 0, 0],
  );
  return report;
}
