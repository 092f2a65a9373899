import { formatCount, formatMs } from '../format.ts';
import type { FaultReport, FaultSpan, RunReport, ViewerReport } from '../run-report.ts';
import type { ViewerState } from '../state-timeline.ts';
import { coordinate, PLOT_WIDTH, timeAxis, timeScale } from './axis.ts';
import type { Markup } from './markup.ts';
import { html } from './markup.ts';
import type { StateSpan } from './sampling.ts';
import { countSpans, countStates, spansOf, spread } from './sampling.ts';

/** From the bottom of the stack to its top. */
const stacked: readonly ViewerState[] = [
  'live',
  'connecting',
  'moving',
  'suspect',
  'backoff',
  'idle',
  'closed',
];

const BUCKETS = 300;
const AREA_HEIGHT = 150;
const LANE_HEIGHT = 14;

/** More rows than this cannot be told apart. */
const MOST_ROWS = 160;

type Scale = (ms: number) => number;

/** Faults, viewers by state, and viewers one by one, over the same time. */
export function timeline({ viewers, faults, endMs }: RunReport): Markup {
  const x = timeScale(endMs);
  const rows = spread(viewers, MOST_ROWS);
  const bands = faults.flatMap(({ name, applied }) =>
    applied.filter(({ viewer }) => viewer === undefined).map((span) => ({ name, span })),
  );
  const struck = faults.filter(({ applied }) => applied.length > 0);
  return html`<div class="timeline">
      ${struck.map((fault) => lane(fault, endMs, x))}
      <div class="label">viewers by state<small>${formatCount(viewers.length)} in all</small></div>
      ${stack(viewers, bands, endMs, x)}
      <div class="label">
        viewer by viewer<small
          >${rows.length < viewers.length ? `${rows.length} of them, evenly spread` : 'a row each'}</small
        >
      </div>
      ${grid(rows, faults, bands, endMs, x)}
      <div></div>
      ${timeAxis(endMs)}
    </div>
    ${legend()}`;
}

function legend(): Markup {
  const shown = stacked.filter((state) => state !== 'closed');
  return html`<p class="legend">
    ${shown.map((state) => html`<span><i class="${state}"></i>${state === 'idle' ? 'idle or closed' : state}</span>`)}
    <span><i class="mark"></i>fault on this viewer</span>
    <span><i class="band"></i>backend fault</span>
  </p>`;
}

/** When the faults of one name were at work: those on viewers as how many viewers they were on. */
function lane({ name, applied }: FaultReport, endMs: number, x: Scale): Markup {
  const onBackend = applied[0]?.viewer === undefined;
  const path = onBackend
    ? html`<path class="backend" d="${applied.map((span) => bar(span, x, 1, LANE_HEIGHT - 2)).join('')}" />`
    : html`<path class="single" d="${crowd(applied, endMs)}" />`;
  return html`<div class="label lane">${name}<small>${formatCount(applied.length)}</small></div>
    <svg class="plot lane" viewBox="0 0 ${PLOT_WIDTH} ${LANE_HEIGHT}" preserveAspectRatio="none" role="img">
      <title>${name}: struck ${formatCount(applied.length)} times</title>
      ${path}
    </svg>`;
}

/** How many of the faults were at work at once; the most fill the lane. */
function crowd(applied: readonly FaultSpan[], endMs: number): string {
  const shortestMs = endMs / BUCKETS;
  const spans = applied.map(({ fromMs, toMs }) => {
    return { fromMs, toMs: Math.min(endMs, Math.max(toMs, fromMs + shortestMs)) };
  });
  const counts = Array.from(countSpans(spans, endMs, BUCKETS));
  return areaBetween(
    counts.map(() => 0),
    counts,
    LANE_HEIGHT,
    (LANE_HEIGHT - 1) / Math.max(1, ...counts),
  );
}

/** A fault as a rectangle, wide enough to be seen. */
function bar({ fromMs, toMs }: FaultSpan, x: Scale, top: number, height: number): string {
  const from = x(fromMs);
  const width = Math.max(x(toMs) - from, 1.5);
  return `M${coordinate(from)} ${top}h${coordinate(width)}v${height}h-${coordinate(width)}z`;
}

interface Band {
  readonly name: string;
  readonly span: FaultSpan;
}

function bandsOver(bands: readonly Band[], x: Scale, height: number): Markup[] {
  return bands.map(({ name, span }) => {
    const text = `${name}, ${formatMs(span.fromMs)} to ${formatMs(span.toMs)}`;
    return html`<path class="band" d="${bar(span, x, 0, height)}"><title>${text}</title></path>`;
  });
}

function stack(viewers: readonly ViewerReport[], bands: readonly Band[], endMs: number, x: Scale): Markup {
  const counts = countStates(
    viewers.map(({ states }) => spansOf(states, endMs)),
    endMs,
    BUCKETS,
  );
  const scale = AREA_HEIGHT / Math.max(1, viewers.length);
  const floor = new Float64Array(BUCKETS);
  const areas = stacked.flatMap((state) => {
    const ofState = counts.get(state);
    if (ofState === undefined) return [];
    const lower = Array.from(floor);
    ofState.forEach((count, bucket) => (floor[bucket] = (floor[bucket] ?? 0) + count));
    const d = areaBetween(lower, Array.from(floor), AREA_HEIGHT, scale);
    return [html`<path class="${state}" d="${d}"><title>${state}</title></path>`];
  });
  return html`<svg
    class="plot stack"
    viewBox="0 0 ${PLOT_WIDTH} ${AREA_HEIGHT}"
    preserveAspectRatio="none"
    role="img"
  >
    <title>How many viewers were in each state</title>
    ${areas}${bandsOver(bands, x, AREA_HEIGHT)}
  </svg>`;
}

/** In steps: out along the upper edge, back along the lower one. */
function areaBetween(
  lower: readonly number[],
  upper: readonly number[],
  plotHeight: number,
  scale: number,
): string {
  const width = PLOT_WIDTH / BUCKETS;
  const edge = (heights: readonly number[]): string[] =>
    heights.flatMap((height, bucket) => {
      const y = coordinate(plotHeight - height * scale);
      return [`${coordinate(bucket * width)} ${y}`, `${coordinate((bucket + 1) * width)} ${y}`];
    });
  return `M${[...edge(upper), ...edge(lower).reverse()].join('L')}z`;
}

function grid(
  viewers: readonly ViewerReport[],
  faults: readonly FaultReport[],
  bands: readonly Band[],
  endMs: number,
  x: Scale,
): Markup {
  const rowHeight = Math.min(16, Math.max(3, 480 / Math.max(1, viewers.length)));
  const height = Math.max(1, viewers.length) * rowHeight;
  const own = new Map<string, FaultSpan[]>();
  for (const span of faults.flatMap(({ applied }) => applied)) {
    if (span.viewer === undefined) continue;
    const spans = own.get(span.viewer);
    if (spans === undefined) own.set(span.viewer, [span]);
    else spans.push(span);
  }
  const rows = viewers.map(({ viewer, states }, index) =>
    row(viewer, spansOf(states, endMs), own.get(viewer) ?? [], index * rowHeight, rowHeight, x),
  );
  return html`<svg
    class="plot grid"
    style="height:${coordinate(height)}px"
    viewBox="0 0 ${PLOT_WIDTH} ${coordinate(height)}"
    preserveAspectRatio="none"
    role="img"
  >
    <title>The state of each viewer over time</title>
    ${rows}${bandsOver(bands, x, height)}
  </svg>`;
}

function row(
  viewer: string,
  spans: readonly StateSpan[],
  faults: readonly FaultSpan[],
  top: number,
  height: number,
  x: Scale,
): Markup {
  const bodies = new Map<ViewerState, string>();
  const [y, inner] = [coordinate(top), coordinate(height * 0.86)];
  for (const { state, fromMs, toMs } of spans) {
    const from = x(fromMs);
    // Trouble is never too short to be seen.
    const width = coordinate(Math.max(x(toMs) - from, state === 'live' ? 0 : 1));
    const body = `M${coordinate(from)} ${y}h${width}v${inner}h-${width}z`;
    bodies.set(state, `${bodies.get(state) ?? ''}${body}`);
  }
  const drawn = stacked.flatMap((state) => {
    const body = bodies.get(state);
    return body === undefined ? [] : [html`<path class="${state}" d="${body}" />`];
  });
  const markHeight = Math.max(1, height * 0.3);
  const markTop = top + height * 0.86 - markHeight;
  const marks = faults.map((span) =>
    bar(span, x, Number(coordinate(markTop)), Number(coordinate(markHeight))),
  );
  const mark = marks.length === 0 ? undefined : html`<path class="mark" d="${marks.join('')}" />`;
  return html`<g><title>viewer ${viewer}</title>${drawn}${mark}</g>`;
}
