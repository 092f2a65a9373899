import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { median } from './measure/statistics.ts';
import type { Numbers, Scenario } from './scenario.ts';

/** The runs of one case with one peer. */
export interface Row {
  readonly scenario: string;
  readonly case: string;
  readonly peer: string;
  readonly rounds: readonly Numbers[];
  /** Why a round failed; absent when none has. */
  readonly failure?: string;
}

/** The machine and how busy it is, in one line. */
export function machine(): string {
  const [first] = cpus();
  const gib = (totalmem() / 2 ** 30).toFixed(0);
  return `${cpus().length} × ${first?.model ?? 'unknown CPU'}, ${gib} GiB, ${type()} ${release()}, Node ${process.version}, load ${(loadavg()[0] ?? 0).toFixed(2)}`;
}

/** The median of every metric over the rounds. */
export function medians({ rounds }: Row, { metrics }: Scenario): Numbers {
  return Object.fromEntries(
    metrics.map(({ key }) => [key, median(rounds.map((round) => round[key] ?? NaN))]),
  );
}

/**
 * A Markdown table of one scenario. The last column says how many times better the first peer is than this one, by
 * the first metric that has a better way.
 */
export function table(scenario: Scenario, rows: readonly Row[]): string {
  const { metrics } = scenario;
  const compared = metrics.find(({ better }) => better !== undefined);
  const head = [
    'case',
    'peer',
    ...metrics.map(({ title }) => title),
    compared && `ratio (${compared.title})`,
  ];
  const lines = rows.map((row) => {
    const numbers = medians(row, scenario);
    const cells = metrics.map(({ key, digits }) => format(numbers[key] as number, digits));
    const [first] = rows.filter((other) => other.case === row.case);
    const ratio =
      compared && ratioOf(medians(first as Row, scenario), numbers, compared.key, compared.better);
    return [row.case, row.peer, ...cells, row.failure === undefined ? ratio : `failed: ${row.failure}`];
  });
  const all = [head, ...lines].map((line) => line.map((cell) => cell ?? ''));
  const widths = all[0]?.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0))) ?? [];
  const text = all.map(
    (line) => `| ${line.map((cell, column) => pad(cell, widths[column] ?? 0, column)).join(' | ')} |`,
  );
  const rule = `|${widths.map((width, column) => (column < 2 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [text[0], rule, ...text.slice(1)].join('\n');
}

const pad = (cell: string, width: number, column: number): string =>
  column < 2 ? cell.padEnd(width) : cell.padStart(width);

function ratioOf(ours: Numbers, theirs: Numbers, key: string, better: 'more' | 'less' | undefined): string {
  const [a, b] = [ours[key] ?? NaN, theirs[key] ?? NaN];
  return format(better === 'more' ? a / b : b / a, 2);
}

function format(value: number, digits: number): string {
  if (Number.isNaN(value)) return '–';
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
