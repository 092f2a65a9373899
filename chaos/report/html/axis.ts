import { formatMs } from '../format.ts';
import type { Markup } from './markup.ts';
import { html } from './markup.ts';

/** Width of every plot in the units of its own; it is stretched to the room there is. */
export const PLOT_WIDTH = 1_000;

/** A coordinate with as many digits as can be seen. */
export function coordinate(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** Where a moment of the run lies in a plot. */
export function timeScale(endMs: number): (ms: number) => number {
  return (ms) => (Math.min(Math.max(ms, 0), endMs) / endMs) * PLOT_WIDTH;
}

/** Labels of the run's time, below plots. */
export function timeAxis(endMs: number): Markup {
  const step = niceStep(endMs / 5);
  const ticks = Array.from({ length: Math.floor(endMs / step) + 1 }, (_, index) => index * step);
  return axis(ticks.map((ms) => ({ share: ms / endMs, label: ms === 0 ? '0' : formatMs(ms) })));
}

/** Labels below a plot, each at its share of the width. */
export function axis(ticks: readonly { readonly share: number; readonly label: string }[]): Markup {
  const labels = ticks.map(({ share, label }) => {
    const edge = share < 0.02 ? 'first' : share > 0.96 ? 'last' : '';
    return html`<span class="${edge}" style="left:${coordinate(share * 100)}%">${label}</span>`;
  });
  return html`<div class="axis" aria-hidden="true">${labels}</div>`;
}

/** 1, 2 or 5 times a power of ten, at least `rough`. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power;
}
