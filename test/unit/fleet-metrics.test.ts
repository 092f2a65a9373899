import assert from 'node:assert/strict';
import { gatewayMetrics } from '../../server/observability/metrics.ts';
import type { GatewayStats } from '../../server/observability/stats.ts';
import { FleetMetrics } from '../../server/workers/fleet-metrics.ts';
import type { MetricsReport } from '../../server/workers/messages.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { sumOf } from '../helpers/metrics.ts';
import { quietStats } from '../helpers/quiet-stats.ts';

const reportOf = (stats: Partial<GatewayStats>): Promise<MetricsReport> =>
  gatewayMetrics(() => ({ ...quietStats(), ...stats })).getMetricsAsJSON();

/** Workers that answer at once, unless they hang. */
class Workers {
  readonly clock = new ManualClock();
  readonly metrics = new FleetMetrics(this.clock);
  readonly hanging = new Set<number>();

  async add(id: number, stats: Partial<GatewayStats>): Promise<void> {
    const report = await reportOf(stats);
    const ask = (question: number): void => {
      if (!this.hanging.has(id)) this.metrics.answered(id, question, report);
    };
    this.metrics.add({ id, ask });
  }
}

describe('the metrics of workers', () => {
  let workers: Workers;

  beforeEach(() => {
    workers = new Workers();
  });

  it('add up; of what is wrong anywhere and what must be right everywhere they are not sums', async () => {
    await workers.add(1, { gaps: 2, rooms: 3, upstreamCauses: ['FEED_MISSING'] });
    await workers.add(2, { gaps: 5, rooms: 4, upstreamCauses: ['FEED_MISSING'], natsUp: false });
    const page = await workers.metrics.metrics();
    assert.equal(sumOf(page, 'live_gateway_gaps_total'), 7);
    assert.equal(sumOf(page, 'live_gateway_rooms'), 7);
    assert.match(page, /^live_gateway_upstream_degraded\{cause="FEED_MISSING"\} 1$/m);
    assert.match(page, /^live_gateway_nats_up 0$/m);
    assert.match(page, /^live_gateway_build_info\{.*\} 1$/m);
  });

  it('never fall by a worker that has ended: what it counted goes on to count, what it had open does not', async () => {
    await workers.add(1, { gaps: 2, rooms: 3 });
    await workers.add(2, { gaps: 5, rooms: 4 });
    await workers.metrics.metrics();
    workers.metrics.remove(1);
    workers.metrics.noteDeath();
    await workers.add(3, { gaps: 1, rooms: 1 });
    const page = await workers.metrics.metrics();
    assert.equal(sumOf(page, 'live_gateway_gaps_total'), 8);
    assert.equal(sumOf(page, 'live_gateway_rooms'), 5);
    assert.equal(sumOf(page, 'live_gateway_worker_deaths_total'), 1);
    workers.metrics.remove(3);
    workers.metrics.remove(2);
    assert.equal(sumOf(await workers.metrics.metrics(), 'live_gateway_gaps_total'), 8);
  });

  it('are told without one that hangs, which counts as it was', async () => {
    await workers.add(1, { gaps: 2 });
    await workers.add(2, { gaps: 5 });
    await workers.metrics.metrics();
    workers.hanging.add(2);
    const page = workers.metrics.metrics();
    workers.clock.advance(2_000);
    assert.equal(sumOf(await page, 'live_gateway_gaps_total'), 7);
    assert.equal(workers.clock.pending, 0, 'timers left behind');
  });
});
