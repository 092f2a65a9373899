import type { TimeSpan } from '../../oracle/history.ts';
import type { StateChange, ViewerState } from '../state-timeline.ts';

/** Some time in one state. */
export interface StateSpan extends TimeSpan {
  readonly state: ViewerState;
}

/** What a viewer's changes amount to until `endMs`: `idle` first. */
export function spansOf(changes: readonly StateChange[], endMs: number): StateSpan[] {
  const all = [{ atMs: 0, state: 'idle' as ViewerState }, ...changes];
  return all
    .map(({ atMs, state }, index) => ({ state, fromMs: atMs, toMs: all[index + 1]?.atMs ?? endMs }))
    .filter(({ fromMs, toMs }) => toMs > fromMs);
}

/** How many viewers were in each state, see `countSpans`. */
export function countStates(
  viewers: readonly (readonly StateSpan[])[],
  endMs: number,
  buckets: number,
): Map<ViewerState, Float64Array> {
  const byState = new Map<ViewerState, StateSpan[]>();
  for (const span of viewers.flat()) {
    const ofState = byState.get(span.state);
    if (ofState === undefined) byState.set(span.state, [span]);
    else ofState.push(span);
  }
  return new Map(Array.from(byState, ([state, spans]) => [state, countSpans(spans, endMs, buckets)]));
}

/** How many spans there were in each of `buckets` stretches of the run; one over half of a stretch counts as a half. */
export function countSpans(spans: readonly TimeSpan[], endMs: number, buckets: number): Float64Array {
  const counts = new Float64Array(buckets);
  const widthMs = endMs / buckets;
  for (const { fromMs, toMs } of spans) {
    const last = Math.min(buckets - 1, Math.floor(toMs / widthMs));
    for (let bucket = Math.floor(fromMs / widthMs); bucket <= last; bucket++) {
      const overlapMs = Math.min(toMs, (bucket + 1) * widthMs) - Math.max(fromMs, bucket * widthMs);
      counts[bucket] = (counts[bucket] ?? 0) + overlapMs / widthMs;
    }
  }
  return counts;
}

/** At most `most` of the items, evenly spread. */
export function spread<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  return Array.from({ length: most }, (_, index) => items[Math.floor((index * items.length) / most)]).filter(
    (item) => item !== undefined,
  );
}
