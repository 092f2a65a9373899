import type { GuaranteeResult, Violation, ViolationKind } from '../oracle/verdict.ts';
import { ratio } from './measures.ts';
import type { FaultReport, Offence, RunReport } from './run-report.ts';

/**
 * A report as one plain object for programs; docs/chaos.md says what each field means. Durations are in milliseconds;
 * null is what could not be measured.
 */
export function reportJson(report: RunReport) {
  const { verdict, reasons, run, db, replay, measures, signalledGaps } = report;
  const { seed, profile, transport, rooms, durationMs, gateways = null } = run.plan;
  const { published, unknown, delivered, replayed, reconnects, bytes, historyReads = null } = measures;
  const { received, dropped, staleness } = measures.ephemeral;
  return {
    verdict,
    reasons,
    run: run.plan.run,
    seed,
    profile,
    transport,
    startedAt: new Date(run.startedAtMs).toISOString(),
    durationMs,
    viewers: report.viewers.length,
    rooms,
    gateways,
    published,
    unknown,
    delivered,
    lost: countOf(report, 'lost'),
    duplicated: countOf(report, 'duplicated'),
    reordered: countOf(report, 'reordered'),
    silentGaps: countOf(report, 'silent-gap'),
    signalledGaps: signalledGaps.expected + signalledGaps.unexpected,
    unexpectedGaps: signalledGaps.unexpected,
    cursorRegressions: countOf(report, 'cursor-regression'),
    reconnects,
    resumeMs: measures.resume.quantiles(),
    detectMs: measures.detect.quantiles(),
    reconnectMs: measures.reconnect.quantiles(),
    latencyMs: measures.latency.quantiles(),
    replayLatencyMs: measures.replayLatency.quantiles(),
    replayed,
    historyReads,
    historyReadsPerReconnect: historyReads === null ? null : ratio(historyReads, reconnects),
    ephemeral: {
      received,
      dropped,
      receivedShare: ratio(received, received + dropped),
      stalenessMs: staleness.quantiles(),
    },
    bytes,
    duplicatesDropped: measures.duplicatesDropped,
    continuityViolations: measures.continuityViolations,
    guarantees: Object.fromEntries(
      report.guarantees.map((result) => [result.guarantee, guaranteeJson(result)]),
    ),
    offences: report.offences.map(offenceJson),
    faults: Object.fromEntries(report.faults.map((fault) => [fault.name, faultJson(fault)])),
    neverStruck: report.neverStruck,
    db,
    replay,
  };
}

/** How often something was broken in one way, over all guarantees. */
export function countOf({ offences }: RunReport, kind: ViolationKind): number {
  return offences.reduce((count, offence) => count + (offence.kind === kind ? offence.count : 0), 0);
}

function guaranteeJson({ checks, failed, failedByKind, first }: GuaranteeResult) {
  return { checks, failed, failedByKind, ...(first && { first: violationJson(first) }) };
}

function offenceJson({ guarantee, kind, count, first }: Offence) {
  return { guarantee, kind, count, first: violationJson(first) };
}

function violationJson({ guarantee: _, ...violation }: Violation): Omit<Violation, 'guarantee'> {
  return violation;
}

function faultJson({ planned, applied, exposed, noticed, reconnected, detect, reconnect }: FaultReport) {
  return {
    planned,
    applied: applied.length,
    exposed,
    noticed,
    reconnected,
    detectMs: detect.quantiles(),
    reconnectMs: reconnect.quantiles(),
  };
}
