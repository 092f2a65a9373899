import { formatCount, formatMs } from '../format.ts';
import { countOf } from '../json.ts';
import { countRows, durations, planRows } from '../rows.ts';
import type { RunReport } from '../run-report.ts';
import { histogram } from './histogram.ts';
import type { Markup } from './markup.ts';
import { html } from './markup.ts';
import { style } from './style.ts';
import { durationTable, faultTable, guaranteeTable, offenceTable, rowList, worstViewers } from './tables.ts';
import { timeline } from './timeline.ts';

/** A report as one page that needs nothing else: no scripts, no fonts, no images. */
export function reportPage(report: RunReport): string {
  const { run } = report.run.plan;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>${report.verdict === 'pass' ? 'Pass' : 'Fail'}: run ${run}</title>
        <style>
          ${style}
        </style>
      </head>
      <body>
        <main>
          ${header(report)} ${section('Guarantees', html`${guaranteeTable(report)}`)} ${broken(report)}
          ${section('Viewers and faults over time', html`<div class="card">${timeline(report)}</div>`)}
          ${section(
            'Distributions',
            html`<div class="charts">
              ${durations(report).map(([name, distribution]) => histogram(name, distribution))}
            </div>`,
          )}
          ${section(
            'Measures',
            html`<div class="card">${rowList(countRows(report))}</div>
              ${durationTable(report)}`,
          )}
          ${report.faults.length === 0 ? undefined : section('Faults', faultTable(report))}
          ${section('Viewers that fared worst', worstViewers(report))}
        </main>
      </body>
    </html> `;
  return page.text;
}

function header(report: RunReport): Markup {
  const { verdict, run, replay, reasons } = report;
  return html`<header>
    <h1><span class="verdict ${verdict}">${verdict.toUpperCase()}</span> run ${run.plan.run}</h1>
    ${
      reasons.length === 0
        ? undefined
        : html`<ul class="reasons">
            ${reasons.map((reason) => html`<li>${reason}</li>`)}
          </ul>`
    }
    ${figures(report)}
    <div class="card">${rowList(planRows(report))}</div>
    <p>The same schedule again:</p>
    <code>${replay}</code>
  </header>`;
}

/** What one looks for first. */
function figures(report: RunReport): Markup {
  const { measures } = report;
  const counts = (['lost', 'duplicated', 'reordered', 'silent-gap'] as const).map((kind) => {
    const count = countOf(report, kind);
    const name = kind === 'silent-gap' ? 'silent gaps' : kind;
    return figure(name, formatCount(count), count > 0 ? 'bad' : '');
  });
  return html`<dl class="figures">
    ${figure('published', formatCount(measures.published))}
    ${figure('delivered', formatCount(measures.delivered))} ${counts}
    ${figure('reconnects', formatCount(measures.reconnects))}
    ${figure('resume, p95', formatMs(measures.resume.quantiles().p95))}
  </dl>`;
}

function figure(name: string, value: string, kind = ''): Markup {
  return html`<div class="${kind}">
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
}

function broken(report: RunReport): Markup | undefined {
  const table = offenceTable(report);
  return table && section('Broken', table);
}

function section(title: string, body: Markup): Markup {
  return html`<section>
    <h2>${title}</h2>
    ${body}
  </section>`;
}
