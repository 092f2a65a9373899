import type { RunPlan } from '../record/recording.ts';
import type { FaultReport, NeverStruck } from './run-report.ts';
import { isFaultName, traitsOf } from '../run/catalogue.ts';

/** The faults that a run was to have, by its profile or by the user's choice, and that never struck. */
export function neverStruck(plan: RunPlan, faults: readonly FaultReport[]): NeverStruck[] {
  const byName = new Map(faults.map((fault) => [fault.name, fault]));
  const wanted = new Set([...(plan.wanted ?? []), ...plan.faults.map(({ name }) => name)]);
  return [...wanted]
    .filter((name) => (byName.get(name)?.applied.length ?? 0) === 0)
    .map((name) => ({ name, why: reason(name, plan, (byName.get(name)?.planned ?? 0) > 0) }));
}

function reason(name: string, { natsCluster, transport }: RunPlan, planned: boolean): string {
  if (planned) return 'the run ended before its turn';
  if (natsCluster === undefined && isFaultName(name) && traitsOf(name).kind === 'cluster')
    return 'it needs --nats-cluster';
  if (transport !== 'grpc' && isFaultName(name) && traitsOf(name).kind === 'pool')
    return 'only viewers by gRPC share connections: it needs --transport grpc';
  return 'the run is too short for all: a longer --duration has it';
}
