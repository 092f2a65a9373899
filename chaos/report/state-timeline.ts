import type { StateEvent } from '../oracle/history.ts';

export type ViewerState = StateEvent['state'];

/** A viewer's connection took on a state. */
export interface StateChange {
  readonly atMs: number;
  readonly state: ViewerState;
}

/** How a fault showed to a viewer. Undefined: it did not. Times in milliseconds of the run's clock. */
export interface Reaction {
  /** When the client first doubted or lost its connection. */
  readonly noticedMs: number | undefined;
  /** When the next connection was welcomed. */
  readonly reconnectedMs: number | undefined;
}

const troubled: ReadonlySet<ViewerState> = new Set(['suspect', 'moving', 'backoff']);

/** The states of one viewer's connection, in order. */
export class StateTimeline {
  readonly changes: StateChange[] = [];
  /** When a connection was last welcomed after an earlier one had been. */
  lastReconnectMs: number | undefined;
  #connected: 'never' | 'before' | 'now' = 'never';

  add({ atMs, state }: StateChange): void {
    this.changes.push({ atMs, state });
    if (state === 'live') {
      if (this.#connected === 'before') this.lastReconnectMs = atMs;
      this.#connected = 'now';
    } else if (state === 'connecting' && this.#connected === 'now') {
      this.#connected = 'before';
    }
  }

  /** The state at a moment; `idle` before the first change. */
  at(ms: number): ViewerState {
    return this.changes[this.#indexAfter(ms) - 1]?.state ?? 'idle';
  }

  /**
   * How a fault from `fromMs` showed: noticed until `noticedByMs`, reconnected until `reconnectedByMs`. Undefined if it found
   * the viewer not live: nothing can be said.
   */
  reaction(fromMs: number, noticedByMs: number, reconnectedByMs: number): Reaction | undefined {
    if (this.at(fromMs) !== 'live') return undefined;
    const first = this.#indexAfter(fromMs);
    const index = this.changes.findIndex(({ state }, at) => at >= first && troubled.has(state));
    const noticedMs = this.changes[index]?.atMs ?? Infinity;
    if (noticedMs > noticedByMs) return { noticedMs: undefined, reconnectedMs: undefined };
    const after = this.changes.slice(index);
    const next = after.find(({ state }) => state === 'live' || state === 'connecting');
    // Live without connecting: the doubt was unfounded.
    const lost = next?.state === 'connecting';
    const welcomedMs = after.find(({ state }) => state === 'live')?.atMs ?? Infinity;
    return { noticedMs, reconnectedMs: lost && welcomedMs <= reconnectedByMs ? welcomedMs : undefined };
  }

  /** Milliseconds not live between the first time it was and `endMs`, and the longest at a stretch. */
  outages(endMs: number): { readonly totalMs: number; readonly longestMs: number } {
    let sinceMs: number | undefined;
    let everLive = false;
    let [totalMs, longestMs] = [0, 0];
    const end = (atMs: number): void => {
      const outageMs = sinceMs === undefined ? 0 : atMs - sinceMs;
      totalMs += outageMs;
      longestMs = Math.max(longestMs, outageMs);
      sinceMs = undefined;
    };
    for (const { atMs, state } of this.changes) {
      if (state === 'live') {
        everLive = true;
        end(atMs);
      } else if (state === 'closed') {
        end(atMs);
        everLive = false;
      } else if (everLive) {
        sinceMs ??= atMs;
      }
    }
    end(endMs);
    return { totalMs, longestMs };
  }

  /** Index of the first change after a moment. */
  #indexAfter(ms: number): number {
    let low = 0;
    let high = this.changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.changes[middle]?.atMs ?? Infinity) <= ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
