import { writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { judgeRun } from '../../chaos/report/judge.ts';
import { reportJson } from '../../chaos/report/json.ts';
import { printReport } from '../../chaos/report/print.ts';
import { reportPage } from '../../chaos/report/html/page.ts';
import type { RunReport } from '../../chaos/report/run-report.ts';
import { RecordingError } from '../../chaos/record/database.ts';
import { UsageError } from '../../common/errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { jsonLine } from '../format-json.ts';
import { errorText } from '../format-text.ts';
import { Output } from '../../common/node/output.ts';
import { CHAOS_DATABASE_HELP, chaosDatabasePath } from '../directories.ts';

interface Options {
  db: string;
  json?: true;
  html?: string;
}

/** `live-cli report RUN` */
export function reportCommand(): Command {
  return new Command('report')
    .description('Judge a recorded run of chaos again and report it.')
    .argument('<run>', 'name of the run; "last" for the one that began last')
    .addOption(
      new Option('--db <file>', 'database of recorded runs').default(
        chaosDatabasePath(),
        CHAOS_DATABASE_HELP,
      ),
    )
    .addOption(new Option('--json', 'one JSON object with the verdict and the measures'))
    .option('--html <file>', 'write one self-contained page as well')
    .action(report);
}

async function report(run: string, { db, json, html }: Options): Promise<void> {
  const judged = asUsage(() => judgeRun(db, run));
  if (html !== undefined) await writePage(html, judged);
  if (json) await new Output(process.stdout).line(jsonLine(reportJson(judged)));
  else await printReport(judged);
  if (judged.verdict === 'fail') process.exitCode = exitCodes.failure;
}

async function writePage(file: string, judged: RunReport): Promise<void> {
  try {
    await writeFile(file, reportPage(judged));
  } catch (cause) {
    throw new UsageError(`the page cannot be written: ${errorText(cause)}`, { cause });
  }
}

/** A run that is not there was asked for by mistake. */
function asUsage<T>(fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    if (error instanceof RecordingError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
