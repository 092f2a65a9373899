import type { Bin, Distribution } from '../distribution.ts';
import { formatCount, formatMs } from '../format.ts';
import { axis, coordinate, PLOT_WIDTH } from './axis.ts';
import type { Markup } from './markup.ts';
import { html } from './markup.ts';

const PER_DECADE = 10;
const HEIGHT = 100;

/** Steps between labels of the axis. */
const MOST_STEPS = 4;

/** How durations are distributed, on a logarithmic scale. */
export function histogram(name: string, distribution: Distribution): Markup {
  const { count, p50, p95, p99, max } = distribution.quantiles();
  if (count === 0)
    return html`<figure class="card">
      <figcaption>${name}</figcaption>
      <p class="none">nothing measured</p>
    </figure>`;
  return html`<figure class="card">
    <figcaption>${name}<small>${formatCount(count)} values</small></figcaption>
    ${bars(distribution.logBins(PER_DECADE))}
    <dl class="quantiles">
      ${Object.entries({ p50, p95, p99, max }).map(
        ([label, value]) =>
          html`<div>
            <dt>${label}</dt>
            <dd>${formatMs(value)}</dd>
          </div>`,
      )}
    </dl>
  </figure>`;
}

function bars(used: readonly Bin[]): Markup {
  const bins = wholeDecades(used);
  const width = PLOT_WIDTH / bins.length;
  const highest = Math.max(...bins.map(({ count }) => count));
  const drawn = bins.flatMap(({ from, to, count }, index) => {
    if (count === 0) return [];
    const tall = Math.max((count / highest) * HEIGHT, 1.5);
    const text = `${formatMs(from)} to ${formatMs(to)}: ${formatCount(count)}`;
    return [
      html`<rect
        x="${coordinate(index * width)}"
        y="${coordinate(HEIGHT - tall)}"
        width="${coordinate(width * 0.86)}"
        height="${coordinate(tall)}"
        ><title>${text}</title></rect
      >`,
    ];
  });
  const decades = bins.length / PER_DECADE;
  const step = Math.ceil(decades / MOST_STEPS);
  const ticks = Array.from({ length: Math.floor(decades / step) + 1 }, (_, index) => {
    const decade = index * step;
    return { share: decade / decades, label: formatMs((bins[0]?.from ?? 1) * 10 ** decade) };
  });
  return html`<svg
      class="plot bars"
      viewBox="0 0 ${PLOT_WIDTH} ${HEIGHT}"
      preserveAspectRatio="none"
      role="img"
    >
      <title>histogram</title>
      ${drawn}
    </svg>
    ${axis(ticks)}`;
}

/** The same bins with empty ones before and after, from a power of ten to a power of ten. */
function wholeDecades(used: readonly Bin[]): Bin[] {
  const index = (bin: Bin | undefined): number => Math.round(Math.log10(bin?.from ?? 1) * PER_DECADE);
  const first = Math.floor(index(used[0]) / PER_DECADE) * PER_DECADE;
  const end = Math.ceil((index(used.at(-1)) + 1) / PER_DECADE) * PER_DECADE;
  const counts = new Map(used.map((bin) => [index(bin), bin.count]));
  return Array.from({ length: end - first }, (_, offset) => {
    const at = first + offset;
    return { from: 10 ** (at / PER_DECADE), to: 10 ** ((at + 1) / PER_DECADE), count: counts.get(at) ?? 0 };
  });
}
