import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ViewerEvent } from '../../chaos/oracle/history.ts';
import { RunningCli } from '../helpers/cli.ts';
import { handMadeEvents, handMadeHistory, handMadeDetails } from '../helpers/hand-made-run.ts';
import { recordRun } from '../helpers/recorded.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

describe('live-cli report', () => {
  let directory: TempDir;
  let db: string;

  beforeEach(async () => {
    directory = await tempDir();
    db = join(directory.path, 'chaos.db');
  });
  afterEach(() => directory[Symbol.asyncDispose]());

  /** Runs the command to its end. */
  const report = async (...args: string[]): Promise<{ code: number; cli: RunningCli }> => {
    const cli = new RunningCli(['report', ...args], directory.path);
    return { code: await cli.exit(), cli };
  };

  const record = (events: ViewerEvent[], run: string): void => {
    const plan = { ...handMadeDetails.plan, run };
    recordRun(db, handMadeHistory(events), { ...handMadeDetails, plan });
  };

  it('ends with 0 for a pass and prints it; the page is written as well', async () => {
    record(handMadeEvents(), 'good');
    const page = join(directory.path, 'report.html');
    const { code, cli } = await report('good', '--db', db, '--html', page);
    assert.equal(code, 0, cli.stderr);
    assert.equal(cli.lines[0], 'PASS run good');
    assert.match(await readFile(page, 'utf8'), /^<!doctype html>/);
  });

  it('ends with 1 for a failure; the last run has a name of its own', async () => {
    record(handMadeEvents(), 'good');
    record(
      handMadeEvents().filter((event) => event.kind !== 'message' || event.seq !== 1),
      'bad',
    );
    const { code, cli } = await report('last', '--db', db, '--json');
    assert.equal(code, 1, cli.stderr);
    const [json, ...more] = cli.objects;
    assert.deepEqual(more, []);
    assert.deepEqual([json?.['verdict'], json?.['run'], json?.['lost']], ['fail', 'bad', 1]);
  });

  it('ends with 2 for what is not there or cannot be written', async () => {
    record(handMadeEvents(), 'good');
    const text = join(directory.path, 'notes.txt');
    await writeFile(text, 'no database '.repeat(100));
    const cases: readonly [args: string[], message: RegExp][] = [
      [['none', '--db', db], /has no run "none"/],
      [['last', '--db', join(directory.path, 'none.db')], /there is no such file/],
      [['last', '--db', text], /notes\.txt is no database of recorded runs/],
      [['good', '--db', db, '--html', join(directory.path, 'no', 'page.html')], /the page cannot be written/],
    ];
    for (const [args, message] of cases) {
      const { code, cli } = await report(...args);
      assert.equal(code, 2, args.join(' '));
      assert.match(cli.stderr, message);
    }
  });
});
