import type { RunPlan } from '../record/recording.ts';
import type { Backend } from './backend/backend.ts';
import { recoveryMs } from './client-times.ts';
import { viewersOfProcess } from './viewers/fleet.ts';

/** How late a message may come to viewers that no fault touches, in milliseconds. */
const MAX_LATENCY_MS = 2_000;

/** What a busy machine takes on top of the heartbeats in which something is to be told, in milliseconds. */
const MACHINE_MS = 1_000;

/** The plan with what its run is judged by. That depends on how often the gateways are heard of. */
export function bounded(plan: RunPlan, { heartbeatMs, own }: Pick<Backend, 'heartbeatMs' | 'own'>): RunPlan {
  const { isolation: _isolation, truth: _truth, ...rest } = plan;
  const isolation = {
    maxLatencyMs: MAX_LATENCY_MS,
    recoveryMs: recoveryMs(heartbeatMs, viewersOfProcess(plan.viewers)),
  };
  if (!own) return { ...rest, isolation };
  const noticeMs = 2 * heartbeatMs + MACHINE_MS;
  // A room's end is told in a round trip to NATS of its own.
  return { ...rest, isolation, truth: { noticeMs, staleMs: 2 * noticeMs } };
}
