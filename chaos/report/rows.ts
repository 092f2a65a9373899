import type { GuaranteeResult, Violation } from '../oracle/verdict.ts';
import type { Distribution, Quantiles } from './distribution.ts';
import { formatBytes, formatCount, formatMs, formatShare, significant } from './format.ts';
import { countOf } from './json.ts';
import { transports } from '../run/transport.ts';
import { ratio } from './measures.ts';
import type { FaultReport, RunReport } from './run-report.ts';

/** A name and what it is, for people. */
export type Row = readonly [name: string, value: string];

/** The durations that a report tells of, by their names for people. */
export function durations({ measures }: RunReport): [name: string, distribution: Distribution][] {
  return [
    ['delivery, live', measures.latency],
    ['delivery, replayed', measures.replayLatency],
    ['ephemeral, age', measures.ephemeral.staleness],
    ['fault → noticed', measures.detect],
    ['fault → reconnected', measures.reconnect],
    ['reconnected → caught up', measures.resume],
  ];
}

export const durationHeads = ['', 'count', 'p50', 'p95', 'p99', 'max'] as const;

/** Cells under `durationHeads`. */
export function durationCells(name: string, { count, p50, p95, p99, max }: Quantiles): string[] {
  return [name, formatCount(count), ...[p50, p95, p99, max].map(formatMs)];
}

/** What a run was asked for. */
export function planRows({ run, endMs }: RunReport): Row[] {
  const { seed, profile, viewers, rooms, durationMs, rate, ephemeralRate, onlyViewer } = run.plan;
  const { gateways, natsCluster, transport } = run.plan;
  const only = onlyViewer === undefined ? '' : `, only ${onlyViewer} of them`;
  return [
    ['seed', String(seed)],
    ['profile', profile],
    ['transport', transports[transport]],
    ['viewers', `${formatCount(viewers)} in ${formatCount(rooms)} ${rooms === 1 ? 'room' : 'rooms'}${only}`],
    ['rate', `${formatCount(rate)} reliable, ${formatCount(ephemeralRate)} ephemeral a second`],
    ...(gateways === undefined ? [] : [['gateways', String(gateways)] as const]),
    ...(natsCluster === undefined ? [] : [['NATS', `a cluster of ${natsCluster}`] as const]),
    ['duration', `${formatMs(durationMs)}, ${formatMs(endMs)} until all had caught up`],
    ['started', new Date(run.startedAtMs).toISOString()],
  ];
}

/** What was counted. */
export function countRows(report: RunReport): Row[] {
  const { measures, signalledGaps } = report;
  const { received, dropped } = measures.ephemeral;
  const { reconnects, historyReads } = measures;
  const reads = historyReads === undefined ? null : ratio(historyReads, reconnects);
  return [
    ['published', `${formatCount(measures.published)}, ${formatCount(measures.unknown)} of unknown outcome`],
    ['delivered', `${formatCount(measures.delivered)}, ${formatCount(measures.replayed)} of them in replays`],
    ['lost', formatCount(countOf(report, 'lost'))],
    ['duplicated', formatCount(countOf(report, 'duplicated'))],
    ['reordered', formatCount(countOf(report, 'reordered'))],
    ['silent gaps', formatCount(countOf(report, 'silent-gap'))],
    [
      'signalled gaps',
      `${formatCount(signalledGaps.expected)} expected, ${formatCount(signalledGaps.unexpected)} not`,
    ],
    ['reconnects', formatCount(reconnects)],
    [
      'JetStream reads',
      historyReads === undefined
        ? 'not counted'
        : `${formatCount(historyReads)}, ${significant(reads)} a reconnect`,
    ],
    [
      'ephemeral',
      `${formatCount(received)} received (${formatShare(ratio(received, received + dropped))}), ${formatCount(dropped)} dropped`,
    ],
    ['bytes received', formatBytes(measures.bytes)],
    [
      'repaired by clients',
      `${formatCount(measures.duplicatesDropped)} repeats, ${formatCount(measures.continuityViolations)} holes`,
    ],
    ...neverStruckRows(report),
  ];
}

/** A line a reason; what a pass says nothing of is to be seen. */
function neverStruckRows({ neverStruck }: RunReport): Row[] {
  const reasons = [...new Set(neverStruck.map(({ why }) => why))];
  return reasons.map((reason) => {
    const names = neverStruck.filter(({ why }) => why === reason).map(({ name }) => name);
    return ['never struck', `${names.join(', ')}: ${reason}`];
  });
}

/** What became of a guarantee, in a word. */
export function outcomeOf({ checks, failed }: GuaranteeResult): 'holds' | 'broken' | 'not checked' {
  if (failed > 0) return 'broken';
  return checks > 0 ? 'holds' : 'not checked';
}

export const faultHeads = [
  'fault',
  'planned',
  'struck',
  'viewers hit',
  'noticed',
  'reconnected',
  'noticed, p50',
  'max',
  'reconnected, p50',
  'max',
] as const;

/** Cells under `faultHeads`. */
export function faultCells(report: FaultReport): string[] {
  const { name, planned, applied, exposed, noticed, reconnected, detect, reconnect } = report;
  const counts = [planned, applied.length, exposed, noticed, reconnected].map(formatCount);
  const times = [detect, reconnect].flatMap((distribution) => {
    const { p50, max } = distribution.quantiles();
    return [formatMs(p50), formatMs(max)];
  });
  return [name, ...counts, ...times];
}

/** Where and when a promise was broken. */
export function placeOf({ viewer, room, seq, atMs }: Violation): string {
  const where = [`viewer ${viewer}`, room && `room ${room}`, seq !== undefined && `seq ${seq}`];
  return `${where.filter(Boolean).join(', ')} at ${formatMs(atMs)}`;
}
