import assert from 'node:assert/strict';
import type { GatewayStats } from '../../server/observability/stats.ts';
import { gatewayMetrics } from '../../server/observability/metrics.ts';

const stats: GatewayStats = {
  sessions: 1,
  sessionsMoved: 0,
  connections: 2,
  rooms: 3,
  lagging: 4,
  unacknowledged: 5,
  memory: 6,
  receivingBytes: 15,
  descriptorsExhausted: 0,
  repairs: 7,
  historyReads: 8,
  gaps: 9,
  resets: 10,
  ephemeralSampledOut: 11,
  ephemeralDropped: 12,
  compressionSavedBytes: 13,
  tokensVerified: 14,
  tokenVerificationSeconds: 15,
  keysAgeSeconds: 16,
  bansAgeSeconds: 17,
  certificateExpiryMs: undefined,
  refused: new Map([['RATE_LIMITED', 14]]),
  upstreamCauses: [],
  upstreamCausesArisen: new Map(),
};

describe('the metrics page', () => {
  it('looks at the gateway once, however many metrics there are, and anew each time', async () => {
    let looks = 0;
    const registry = gatewayMetrics(() => ({ ...stats, sessions: ++looks }));
    for (const expected of [1, 2]) {
      const text = await registry.metrics();
      assert.match(text, new RegExp(`^live_gateway_sessions ${expected}$`, 'm'));
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
});
