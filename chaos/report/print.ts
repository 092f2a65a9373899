import type { WriteStream } from 'node:tty';
import pc from 'picocolors';
import { printable } from '../../common/printable.ts';
import { Output } from '../../common/node/output.ts';
import { formatClock, formatCount } from './format.ts';
import { eventText } from './offence-context.ts';
import type { Row } from './rows.ts';
import {
  countRows,
  durationCells,
  durationHeads,
  durations,
  faultCells,
  faultHeads,
  outcomeOf,
  placeOf,
  planRows,
} from './rows.ts';
import type { RunReport } from './run-report.ts';

type Colors = ReturnType<typeof pc.createColors>;

/** Writes a report for people; in colour if `stream` is a terminal that shows it. @throws if it could not be written. */
export async function printReport(
  report: RunReport,
  stream: NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY'>> = process.stdout,
): Promise<void> {
  const colors = pc.createColors(stream.isTTY === true && pc.isColorSupported);
  const output = new Output(stream as WriteStream);
  for (const line of reportLines(report, colors)) await output.line(line);
}

/** A report for people, line by line. */
export function reportLines(report: RunReport, colors: Colors = pc.createColors(false)): string[] {
  const { verdict, run, reasons, replay } = report;
  const mark = verdict === 'pass' ? colors.green('PASS') : colors.red('FAIL');
  const heading = (text: string): string => colors.bold(text);
  const quantiles = durations(report).map(([name, distribution]) => {
    return durationCells(name, distribution.quantiles());
  });
  return [
    `${colors.bold(mark)} run ${run.plan.run}`,
    ...list(planRows(report), colors),
    '',
    heading('Guarantees'),
    ...guaranteeLines(report, colors),
    ...(report.offences.length > 0 ? ['', heading('Broken'), ...offenceLines(report, colors)] : []),
    '',
    heading('Counted'),
    ...list(countRows(report), colors),
    '',
    heading('Measured'),
    ...table([[...durationHeads], ...quantiles], colors),
    ...(report.faults.length > 0
      ? ['', heading('Faults'), ...table([[...faultHeads], ...report.faults.map(faultCells)], colors)]
      : []),
    '',
    ...(reasons.length > 0
      ? [heading('Why it is no pass'), ...reasons.map((reason) => `  ${reason}`), '']
      : []),
    `${colors.dim('again:')} ${replay}`,
  ];
}

function guaranteeLines({ guarantees }: RunReport, colors: Colors): string[] {
  return guarantees.map((result) => {
    const { guarantee, checks, failed, first } = result;
    const outcome = outcomeOf(result);
    const paint = { holds: colors.green, broken: colors.red, 'not checked': colors.yellow }[outcome];
    const counts = `${formatCount(checks)} checks${failed > 0 ? `, ${formatCount(failed)} failed` : ''}`;
    const where = first === undefined ? '' : `; first: ${first.kind}, ${printable(placeOf(first))}`;
    return `  ${guarantee.padEnd(11)} ${paint(outcome.padEnd(12))} ${counts}${where}`;
  });
}

function offenceLines({ offences }: RunReport, colors: Colors): string[] {
  return offences.flatMap(({ kind, count, first, around }) => {
    const where = printable(`${placeOf(first)}: ${first.detail}`);
    return [
      `  ${colors.red(kind)} ${formatCount(count)} ${count === 1 ? 'time' : 'times'}; first: ${where}`,
      ...around.map((event) => `    ${colors.dim(formatClock(event.atMs))}  ${printable(eventText(event))}`),
    ];
  });
}

function list(rows: readonly Row[], colors: Colors): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${colors.dim(name.padEnd(width))}  ${value}`);
}

/** The first column to the left, the others to the right; the first row is its head. */
function table(rows: readonly (readonly string[])[], colors: Colors): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row, index) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    const line = `  ${cells.join('  ')}`;
    return index === 0 ? colors.dim(line) : line;
  });
}
