import type { History, Outage, TimeSpan, UpstreamEvent } from '../history.ts';
import type { RuleContext, RuleFactory } from '../rule.ts';
import type { Tally } from '../tally.ts';
import { PUBLISHER } from '../verdict.ts';

/**
 * Truthful: nobody is told that all is well when that cannot be known. In an outage a viewer that has been connected, and without a
 * fault on its own way, for `noticeMs` has been told that its gateway is DEGRADED, and is not told that it is OK before the end; and
 * who asks later than that is not told CaughtUp while nobody can ask for the end of a room (`falsely-well`). One of the causes
 * that it is told is that of the outage (`wrong-cause`). Whoever is told CaughtUp has been given what had been acknowledged `staleMs` before it
 * asked (`stale`). A publisher whose call began and was answered while nothing could be stored was not told that the outcome
 * is unknown, unless its event loop stalled (`indefinite`). Checked only if the history gives bounds.
 */
export const truthful: RuleFactory = (context) => {
  const { truth, outages = [], viewer, published, tally } = context;
  if (truth === undefined) return {};
  const { noticeMs, staleMs } = truth;
  const connections: Connection[] = [];
  const told: UpstreamEvent[] = [];
  /** When the present connection was begun: what it joins is asked for after that. */
  let connectingMs = -Infinity;
  const retriedMs = new Map<string, number>();
  return {
    onState({ state, atMs }) {
      const last = connections.at(-1);
      if (last?.toMs === Infinity) last.toMs = atMs;
      if (state === 'live') connections.push({ fromMs: atMs, toMs: Infinity });
      if (state === 'connecting') connectingMs = atMs;
    },
    onUpstream: (event) => void told.push(event),
    onRoomEvent(event) {
      const { room, atMs } = event;
      if (event.kind === 'retrying') retriedMs.set(room, atMs);
      if (event.kind !== 'caught-up') return;
      const { epoch, seq } = event;
      const askedMs = Math.max(connectingMs, retriedMs.get(room) ?? -Infinity);
      const ackedMs = published.in(room, epoch).ackedAfter(seq);
      tally.check(ackedMs > askedMs - staleMs, () => {
        const detail = `was told that it has everything, asked at ${askedMs} ms; what follows was acknowledged at ${ackedMs} ms`;
        return { kind: 'stale', viewer, room, seq, atMs, detail };
      });
      const outage = outages.find(
        ({ blind, fromMs, toMs }) => blind && askedMs >= fromMs + noticeMs && atMs <= toMs,
      );
      tally.check(outage === undefined, () => {
        const detail = `was told that it has everything, asked at ${askedMs} ms, ${named(outage)}`;
        return { kind: 'falsely-well', viewer, room, seq, atMs, detail };
      });
    },
    finish() {
      for (const outage of outages) judgeOutage(outage, connections, told, noticeMs, context);
    },
  };
};

/** Checks what publishers were told. */
export function judgePublishers(
  { truth, outages = [], eventLoopStalls = [], unknown = [] }: History,
  tally: Tally,
): void {
  const hopeless = outages.filter(({ unstorable }) => unstorable);
  if (truth === undefined || hopeless.length === 0) return;
  for (const { room, id, asked } of unknown) {
    if (asked === undefined || eventLoopStalls.some((span) => isSpan(overlap(span, asked)))) continue;
    const outage = hopeless.find(({ fromMs, toMs }) => fromMs <= asked.fromMs && asked.toMs <= toMs);
    tally.check(outage === undefined, () => {
      const detail = `"${id}", published at ${asked.fromMs} ms, has an unknown outcome, ${named(outage)}`;
      return { kind: 'indefinite', viewer: PUBLISHER, room, atMs: asked.toMs, detail };
    });
  }
}

/** A time in which the viewer was welcome and noticed nothing. */
interface Connection {
  readonly fromMs: number;
  toMs: number;
}

function judgeOutage(
  outage: Outage,
  connections: readonly TimeSpan[],
  told: readonly UpstreamEvent[],
  noticeMs: number,
  { own, viewer, tally }: RuleContext,
): void {
  const undisturbed = connections.flatMap((connection) => without(own, overlap(outage, connection)));
  for (const { fromMs, toMs } of undisturbed) {
    const dueMs = fromMs + noticeMs;
    if (toMs < dueMs) continue;
    const before = told.findLast(({ atMs }) => atMs <= dueMs);
    const within = told.filter(({ atMs }) => atMs > dueMs && atMs < toMs);
    const views = [...(before === undefined ? [] : [before]), ...within];
    const rosy = views.find(({ upstream }) => upstream === 'OK');
    const well = views.length === 0 || rosy !== undefined;
    tally.check(!well, () => {
      const atMs = Math.max(dueMs, rosy?.atMs ?? dueMs);
      return { kind: 'falsely-well', viewer, atMs, detail: `was not told DEGRADED, ${named(outage)}` };
    });
    if (well) continue;
    const wrong = views.find(({ causes }) => !causes.some((cause) => outage.causes.includes(cause)));
    tally.check(wrong === undefined, () => {
      const causes = wrong?.causes ?? [];
      const detail = `was told ${causes.length === 0 ? 'no cause' : causes.join(', ')}, ${named(outage)}`;
      return { kind: 'wrong-cause', viewer, atMs: Math.max(dueMs, wrong?.atMs ?? dueMs), detail };
    });
  }
}

/** May be empty: it then ends before it begins. */
function overlap(one: TimeSpan, other: TimeSpan): TimeSpan {
  return { fromMs: Math.max(one.fromMs, other.fromMs), toMs: Math.min(one.toMs, other.toMs) };
}

/** What is left of a span between troubles. */
function without(troubles: readonly TimeSpan[], span: TimeSpan): TimeSpan[] {
  let parts = [span];
  for (const { fromMs, toMs } of troubles) {
    const before = parts.map((part) => overlap(part, { fromMs: -Infinity, toMs: fromMs }));
    const after = parts.map((part) => overlap(part, { fromMs: toMs, toMs: Infinity }));
    parts = [...before, ...after].filter(isSpan);
  }
  return parts;
}

const isSpan = ({ fromMs, toMs }: TimeSpan): boolean => fromMs < toMs;

function named(outage: Outage | undefined): string {
  return outage === undefined
    ? ''
    : `in the outage (${outage.causes.join(' or ')}) from ${outage.fromMs} to ${outage.toMs} ms`;
}
