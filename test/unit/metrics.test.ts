import assert from 'node:assert/strict';
import { Histogram } from '../../common/histogram.ts';
import { gatewayMetrics, METRICS } from '../../server/observability/metrics.ts';
import { quietStats } from '../helpers/quiet-stats.ts';

const stats = quietStats();

describe('the metrics page', () => {
  it('looks at the gateway once, however many metrics there are, and anew each time', async () => {
    let looks = 0;
    const registry = gatewayMetrics(() => ({
      ...stats,
      rooms: ++looks,
      compressionSavedBytes: 13,
      refused: new Map([['RATE_LIMITED', 14]]),
    }));
    for (const expected of [1, 2]) {
      const text = await registry.metrics();
      assert.match(text, new RegExp(`^live_gateway_rooms ${expected}$`, 'm'));
      assert.match(text, /^live_gateway_compression_saved_bytes_total 13$/m);
      assert.match(text, /^live_gateway_refused_total\{reason="RATE_LIMITED"\} 14$/m);
      assert.equal(looks, expected);
      await new Promise(setImmediate);
    }
    await registry.getMetricsAsJSON();
    assert.equal(looks, 3);
  });

  it('tells when the certificate expires, in seconds, and says nothing of it where there is none', async () => {
    const name = 'live_gateway_certificate_expiry_timestamp_seconds';
    const without = await gatewayMetrics(() => stats).metrics();
    assert.doesNotMatch(without, new RegExp(`^${name}`, 'm'));
    const text = await gatewayMetrics(() => ({ ...stats, certificateExpiryMs: 1_800_000_000_000 })).metrics();
    assert.match(text, new RegExp(`^${name} 1800000000$`, 'm'));
  });

  it('has each bucket of a histogram with all below it', async () => {
    const passSeconds = new Histogram([0.1, 1]);
    passSeconds.observe(0.1, 3);
    passSeconds.observe(0.5);
    passSeconds.observe(7, 2);
    const text = await gatewayMetrics(() => ({ ...stats, passSeconds })).metrics();
    const lines = text.split('\n').filter((line) => line.startsWith('live_gateway_fanout_pass_seconds'));
    assert.deepEqual(lines, [
      'live_gateway_fanout_pass_seconds_bucket{le="0.1"} 3',
      'live_gateway_fanout_pass_seconds_bucket{le="1"} 4',
      'live_gateway_fanout_pass_seconds_bucket{le="+Inf"} 6',
      'live_gateway_fanout_pass_seconds_sum 14.8',
      'live_gateway_fanout_pass_seconds_count 6',
    ]);
  });

  it('adds up by transport what is delivered in two forms', async () => {
    const of = (messages: number) => ({ messages, bytes: 10 * messages });
    const delivered = [
      { transport: 'grpc', reliable: of(1), ephemeral: of(2) },
      { transport: 'grpc', reliable: of(4), ephemeral: of(8) },
      { transport: 'sse', reliable: of(16), ephemeral: of(32) },
    ];
    const text = await gatewayMetrics(() => ({ ...stats, delivered })).metrics();
    const name = 'live_gateway_delivered_messages_total';
    assert.match(text, new RegExp(`^${name}\\{class="reliable",transport="grpc"\\} 5$`, 'm'));
    assert.match(text, new RegExp(`^${name}\\{class="ephemeral",transport="sse"\\} 32$`, 'm'));
    assert.match(text, /^live_gateway_delivered_bytes_total\{class="ephemeral",transport="grpc"\} 100$/m);
  });

  it('has no label that there could be any number of', () => {
    const labels = new Set(METRICS.flatMap((metric) => metric.labels ?? []));
    assert.deepEqual([...labels].sort(), [
      'cause',
      'class',
      'ended',
      'node',
      'outcome',
      'reason',
      'result',
      'state',
      'transport',
      'version',
    ]);
  });
});
