import { writeFile } from 'node:fs/promises';
import { RecordingError } from '../../chaos/record/database.ts';
import { reportPage } from '../../chaos/report/html/page.ts';
import { judgeRun } from '../../chaos/report/judge.ts';
import type { RunReport } from '../../chaos/report/run-report.ts';
import { UsageError } from '../../common/errors.ts';
import { errorText } from '../format-text.ts';
import { tellReport } from './tell-report.ts';

/** As it is on the command line. */
export interface ReportOptions {
  readonly db: string;
  readonly json?: true;
  readonly html?: string;
}

/** Judges a recorded run and tells the outcome. */
export async function report(run: string, { db, json, html }: ReportOptions): Promise<void> {
  const judged = asUsage(() => judgeRun(db, run));
  if (html !== undefined) await writePage(html, judged);
  await tellReport(judged, json);
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
