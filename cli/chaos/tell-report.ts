import { reportJson } from '../../chaos/report/json.ts';
import { printReport } from '../../chaos/report/print.ts';
import type { RunReport } from '../../chaos/report/run-report.ts';
import { Output } from '../../common/node/output.ts';
import { exitCodes } from '../exit-codes.ts';
import { jsonLine } from '../format-json.ts';

/** Tells what a run was judged to be, for people or as one JSON object, and ends the process accordingly. */
export async function tellReport(report: RunReport, json: true | undefined): Promise<void> {
  if (json) await new Output(process.stdout).line(jsonLine(reportJson(report)));
  else await printReport(report);
  if (report.verdict === 'fail') process.exitCode = exitCodes.failure;
}
