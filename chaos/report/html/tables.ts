import type { GuaranteeName } from '../../oracle/verdict.ts';
import { formatBytes, formatClock, formatCount, formatMs } from '../format.ts';
import { eventText } from '../offence-context.ts';
import type { Row } from '../rows.ts';
import {
  durationCells,
  durationHeads,
  durations,
  faultCells,
  faultHeads,
  outcomeOf,
  placeOf,
} from '../rows.ts';
import type { Offence, RunReport, ViewerReport } from '../run-report.ts';
import type { Markup } from './markup.ts';
import { html } from './markup.ts';

/** What each guarantee says, to a viewer. */
const meanings: Readonly<Record<GuaranteeName, string>> = {
  Ordered: 'A room’s messages come in ascending sequence.',
  Unique: 'No message comes twice, across reconnects, gateways and restarts.',
  Reliable: 'None is skipped unless a gap is announced first.',
  Resumable: 'A cursor issued by one gateway is honoured by any other.',
  Bookmarked: 'The viewer always knows where it stands.',
  Isolated: 'Trouble of one viewer does not show at others.',
  Truthful: 'Nobody is told that all is well when that cannot be known.',
};

const WORST_SHOWN = 10;

/** A table that scrolls by itself where it is too wide. The first column is text, the others are as their heads say. */
function table(
  heads: readonly string[],
  rows: readonly (readonly (string | Markup)[])[],
  kind: string,
): Markup {
  return html`<div class="scroll">
    <table class="${kind}">
      <thead>
        <tr>
          ${heads.map((head) => html`<th scope="col">${head}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ([first, ...rest]) =>
            html`<tr>
              <th scope="row">${first}</th>
              ${rest.map((cell) => html`<td>${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** What became of each guarantee. */
export function guaranteeTable({ guarantees }: RunReport): Markup {
  const rows = guarantees.map((result) => {
    const { guarantee, checks, failed, first } = result;
    const outcome = outcomeOf(result);
    return [
      html`${guarantee}<small>${meanings[guarantee]}</small>`,
      html`<span class="outcome ${outcome.replace(' ', '-')}">${outcome}</span>`,
      formatCount(checks),
      formatCount(failed),
      first === undefined ? '' : `${first.kind}: ${placeOf(first)}`,
    ];
  });
  return table(['guarantee', 'outcome', 'checks', 'failed', 'first'], rows, 'guarantees');
}

/** In which ways guarantees were broken, and what the first offenders got around that moment; nothing if none was. */
export function offenceTable({ offences }: RunReport): Markup | undefined {
  if (offences.length === 0) return undefined;
  const rows = offences.map(({ kind, guarantee, count, first }) => {
    return [kind, guarantee, formatCount(count), placeOf(first), first.detail];
  });
  return html`${table(['broken', 'guarantee', 'times', 'first', 'what'], rows, 'offences')}
    <div class="charts">${offences.map(offenceCard)}</div>`;
}

function offenceCard({ kind, first, around }: Offence): Markup {
  const rows = around.map((event): Row => [formatClock(event.atMs), eventText(event)]);
  return html`<div class="card">
    <h3>${kind}<small>what viewer ${first.viewer} got around ${formatClock(first.atMs).trim()}</small></h3>
    ${rowList(rows)}
  </div>`;
}

/** Names and values side by side. */
export function rowList(rows: readonly Row[]): Markup {
  return html`<dl class="rows">
    ${rows.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

/** Quantiles of everything that took time. */
export function durationTable(report: RunReport): Markup {
  const rows = durations(report).map(([name, distribution]) => {
    return durationCells(name, distribution.quantiles());
  });
  return table(durationHeads, rows, 'numbers');
}

/** What struck, and whom it reached. */
export function faultTable({ faults }: RunReport): Markup {
  return table(faultHeads, faults.map(faultCells), 'numbers');
}

/** The viewers that fared worst: by what was broken, then by how long they were cut off at a stretch. */
export function worstViewers({ viewers }: RunReport): Markup {
  const heads = [
    'viewer',
    'broken',
    'longest outage',
    'outages',
    'slowest resume',
    'reconnects',
    'delivered',
    'bytes',
  ];
  const rows = [...viewers]
    .sort(byMisery)
    .slice(0, WORST_SHOWN)
    .map(({ viewer, violations, longestOutageMs, outageMs, slowestResumeMs, delivered, totals }) => [
      viewer,
      formatCount(violations),
      formatMs(longestOutageMs),
      formatMs(outageMs),
      formatMs(slowestResumeMs),
      totals === undefined ? '–' : formatCount(totals.reconnects),
      formatCount(delivered),
      totals === undefined ? '–' : formatBytes(totals.bytes),
    ]);
  return table(heads, rows, 'numbers');
}

function byMisery(one: ViewerReport, other: ViewerReport): number {
  return (
    other.violations - one.violations ||
    other.longestOutageMs - one.longestOutageMs ||
    other.slowestResumeMs - one.slowestResumeMs
  );
}
