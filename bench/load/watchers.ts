import { setTimeout as delay } from 'node:timers/promises';
import type { RoomSubscription } from '../../client/index.ts';
import { LiveClient } from '../../client/index.ts';
import { serve } from './worker.ts';

const POLL_MS = 20;

/** Viewers as they are: our own clients. */
export interface Watchers {
  readonly endpoints: readonly string[];
  readonly room: string;
  readonly count: number;
}

/** How viewers fare. */
export interface Fared {
  /** Viewers at each endpoint. */
  readonly viewers: readonly number[];
  /** Connections beyond the first of each viewer. */
  readonly hops: number;
  /** Longest time that any viewer went without a message, in milliseconds. */
  readonly longestPauseMs: number;
  /** Messages that did not follow the one before. */
  readonly breaks: number;
}

let endpoints: readonly string[] = [];
let clients: LiveClient[] = [];
let longestPauseMs = 0;
let breaks = 0;

async function watch(subscription: RoomSubscription): Promise<void> {
  let lastMs: number | undefined;
  let lastSeq: bigint | undefined;
  for await (const event of subscription) {
    if (event.kind === 'gap' || event.kind === 'reset') breaks++;
    if (event.kind !== 'message') continue;
    const nowMs = performance.now();
    if (lastMs !== undefined) longestPauseMs = Math.max(longestPauseMs, nowMs - lastMs);
    lastMs = nowMs;
    // The stream has one room only, so that its sequences have no holes.
    const { seq } = event.message;
    if (lastSeq !== undefined && seq !== lastSeq + 1n) breaks++;
    lastSeq = seq;
  }
}

const watcherMethods = {
  /** Resolves when all are live. */
  async open(watchers: Watchers): Promise<void> {
    endpoints = watchers.endpoints;
    clients = Array.from({ length: watchers.count }, () => new LiveClient({ endpoints }));
    for (const client of clients) void watch(client.join(watchers.room));
    while (clients.some(({ state }) => state.kind !== 'live')) await delay(POLL_MS);
  },
  fared(): Fared {
    const at = clients.map(({ state }) => ('endpoint' in state ? state.endpoint : undefined));
    return {
      viewers: endpoints.map((endpoint) => at.filter((other) => other === endpoint).length),
      hops: clients.reduce((sum, { counters }) => sum + counters.connects - 1, 0),
      longestPauseMs,
      breaks,
    };
  },
};

/** What the watchers' process can be asked. */
export type WatcherMethods = typeof watcherMethods;

serve(watcherMethods);
