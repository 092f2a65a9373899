import { bookmarked as bookmarkedRule } from './guarantees/bookmarked.ts';
import { isolated as isolatedRule } from './guarantees/isolated.ts';
import { ordered as orderedRule } from './guarantees/ordered.ts';
import { reliable as reliableRule } from './guarantees/reliable.ts';
import { resumable as resumableRule } from './guarantees/resumable.ts';
import { judgePublishers, truthful as truthfulRule } from './guarantees/truthful.ts';
import { unique as uniqueRule } from './guarantees/unique.ts';
import type { History, RoomEvent, ViewerHistory } from './history.ts';
import { Published } from './published.ts';
import { RoomTrack } from './room-track.ts';
import type { Rule, RuleFactory } from './rule.ts';
import { Tally } from './tally.ts';
import type { GuaranteeName, GuaranteeResult, Verdict } from './verdict.ts';
import { guaranteeNames } from './verdict.ts';

/** Each guarantee's rule says precisely what it checks. */
const rules: Readonly<Record<GuaranteeName, RuleFactory>> = {
  Ordered: orderedRule,
  Unique: uniqueRule,
  Reliable: reliableRule,
  Resumable: resumableRule,
  Bookmarked: bookmarkedRule,
  Isolated: isolatedRule,
  Truthful: truthfulRule,
};

/**
 * Checks the named guarantees, all of them unless told otherwise, in one pass over a history. Holds what was published and one
 * viewer's messages at a time; takes time in proportion to the events, and n log n for what was published.
 */
export function checkGuarantees(history: History, names: readonly GuaranteeName[] = guaranteeNames): Verdict {
  const published = new Published(history);
  const { finalHeads, isolation, truth, outages } = history;
  const tallies = names.map((name) => new Tally(name));
  const counts: Counts = { delivered: 0, signalledGaps: { expected: 0, unexpected: 0 } };
  for (const viewer of history.viewers) {
    const { viewer: name, disturbed = [], own = [] } = viewer;
    const watching = tallies.map((tally) =>
      rules[tally.guarantee]({
        viewer: name,
        published,
        disturbed,
        own,
        tally,
        ...(finalHeads && { finalHeads }),
        ...(isolation && { isolation }),
        ...(truth && { truth }),
        ...(outages && { outages }),
      }),
    );
    walk(viewer, watching, counts);
  }
  for (const tally of tallies) if (tally.guarantee === 'Truthful') judgePublishers(history, tally);
  return { results: tallies, ...counts };
}

/** Checks Ordered alone; see its rule for what that means. So for the others. */
export const ordered = (history: History): GuaranteeResult => checkOne('Ordered', history);
export const unique = (history: History): GuaranteeResult => checkOne('Unique', history);
export const reliable = (history: History): GuaranteeResult => checkOne('Reliable', history);
export const resumable = (history: History): GuaranteeResult => checkOne('Resumable', history);
export const bookmarked = (history: History): GuaranteeResult => checkOne('Bookmarked', history);
export const isolated = (history: History): GuaranteeResult => checkOne('Isolated', history);
export const truthful = (history: History): GuaranteeResult => checkOne('Truthful', history);

function checkOne(name: GuaranteeName, history: History): GuaranteeResult {
  const [result] = checkGuarantees(history, [name]).results;
  return result ?? new Tally(name);
}

interface Counts {
  delivered: number;
  readonly signalledGaps: { expected: number; unexpected: number };
}

/** Shows a viewer's events to the rules, in order. */
function walk({ events }: ViewerHistory, watching: readonly Rule[], counts: Counts): void {
  const tracks = new Map<string, RoomTrack>();
  for (const event of events) {
    if (event.kind === 'state') {
      for (const rule of watching) rule.onState?.(event);
      continue;
    }
    if (event.kind === 'upstream') {
      for (const rule of watching) rule.onUpstream?.(event);
      continue;
    }
    let track = tracks.get(event.room);
    if (track === undefined) tracks.set(event.room, (track = new RoomTrack()));
    for (const rule of watching) rule.onRoomEvent?.(event, track);
    track.apply(event);
    count(event, counts);
  }
  for (const rule of watching) rule.finish?.(tracks);
}

function count(event: RoomEvent, counts: Counts): void {
  if (event.kind === 'message') counts.delivered += 1;
  if (event.kind === 'gap') counts.signalledGaps[event.expected ? 'expected' : 'unexpected'] += 1;
}
