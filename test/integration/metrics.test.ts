import assert from 'node:assert/strict';
import { parseNetwork } from '../../common/node/network.ts';
import { sumOf } from '../helpers/metrics.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { health } from '../helpers/health.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { quickClock } from '../helpers/quick-clock.ts';
import { ServerProcess } from '../helpers/server-process.ts';

const ANY_PORT = { host: '127.0.0.1', port: 0 };
const LOOPBACK = [parseNetwork('127.0.0.0/8')!];
const ELSEWHERE = [parseNetwork('192.0.2.0/24')!];

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function get(address: string | undefined, path: string, headers = {}, method = 'GET'): Promise<Answer> {
  const response = await fetch(`http://${address}${path}`, { headers, method });
  return { status: response.status, text: await response.text() };
}

const metricsOf = async (address: string | undefined): Promise<string> =>
  (await get(address, '/metrics')).text;

describe('metrics', () => {
  let nats: TestNats;

  before(async () => {
    nats = await startNats();
  });

  after(() => nats.stop());

  it('tells Prometheus what the gateway has open, and what it has delivered', async () => {
    await using gateway = await startTestGateway(nats.url, { metrics: ANY_PORT });
    const subscription = gateway.client({ clock: quickClock }).join('measured');
    const iterator = subscription[Symbol.asyncIterator]();
    const joined = await iterator.next();
    assert.ok(joined.done !== true && joined.value.kind === 'joined');
    await until('the session shows', async () => {
      const text = await metricsOf(gateway.metrics);
      return (
        /^live_gateway_sessions\{transport="grpc",state="open"\} 1$/m.test(text) &&
        /^live_gateway_rooms 1$/m.test(text) &&
        /^live_gateway_viewers 1$/m.test(text)
      );
    });
    await gateway.client().publish('measured', { type: 'gift', payload: '1' });
    await until('a message waits for the application', () => gateway.stats.unacknowledged === 1);
    let handled: unknown;
    while (handled !== 'message') handled = (await iterator.next()).value?.kind;
    void iterator.next();
    await until('the application has confirmed it', () => gateway.stats.unacknowledged === 0);
    const text = await metricsOf(gateway.metrics);
    assert.match(text, /^live_gateway_repairs_total \d+$/m);
    assert.match(text, /^live_gateway_ephemeral_dropped_total\{reason="late"\} 0$/m);
    assert.match(text, /^live_gateway_ephemeral_sampled_out_total 0$/m);
    assert.match(text, /^live_gateway_compression_saved_bytes_total 0$/m);
    assert.match(text, /^live_gateway_joins_total\{outcome="started"\} 1$/m);
    assert.match(text, /^live_gateway_delivered_messages_total\{class="reliable",transport="grpc"\} 1$/m);
    assert.match(text, /^live_gateway_publishes_total\{class="reliable",result="stored"\} 1$/m);
    assert.equal(sumOf(text, 'live_gateway_delivery_latency_seconds_count'), 1);
    assert.equal(sumOf(text, 'live_gateway_publish_duration_seconds_count'), 1);
    for (const measured of ['fanout_pass', 'event_loop_lag'])
      assert.ok(sumOf(text, `live_gateway_${measured}_seconds_count`) > 0, measured);
    assert.equal(sumOf(text, 'live_gateway_nats_up'), 1);
    const elsewhere = await get(gateway.metrics, '/');
    assert.equal(elsewhere.status, 404);
  });

  it('counts what resumes by how it began, and the reads that it took', async () => {
    await using gateway = await startTestGateway(nats.url, { metrics: ANY_PORT });
    const publisher = gateway.client();
    const { seq } = await publisher.publish('resumed', { type: 'gift', payload: '1' });
    assert.ok(seq > 0);
    for await (const event of gateway.client().join('resumed', { from: { last: 1 } }))
      if (event.kind === 'message') break;
    const text = await metricsOf(gateway.metrics);
    assert.equal(sumOf(text, 'live_gateway_joins_total'), 1);
    assert.equal(
      sumOf(text, 'live_gateway_history_read_duration_seconds_count'),
      sumOf(text, 'live_gateway_history_reads_total'),
    );
    assert.equal(sumOf(text, 'live_gateway_delivery_latency_seconds_count'), 0, 'a replay is not late');
  });
});

describe('probes', () => {
  let nats: TestNats;

  beforeEach(async () => {
    nats = await startNats();
  });

  afterEach(() => nats.stop());

  it('say that the process lives, and whether viewers should be sent here: as gRPC does', async () => {
    await using gateway = await startTestGateway(nats.url, { metrics: ANY_PORT, http: ANY_PORT });
    for (const address of [gateway.metrics, gateway.http]) {
      assert.deepEqual(await get(address, '/healthz'), { status: 200, text: 'ok\n' });
      assert.deepEqual(await get(address, '/readyz'), { status: 200, text: 'ready\n' });
      assert.deepEqual(await get(address, '/readyz', {}, 'HEAD'), { status: 200, text: '' });
      assert.equal((await get(address, '/readyz', {}, 'POST')).status, 405);
    }
    await nats.stop();
    await until('it is not ready', async () => (await get(gateway.http, '/readyz')).status === 503);
    assert.equal(await health(gateway.address, 'live.v1.Live'), 'NOT_SERVING');
    assert.equal(await health(gateway.address), 'SERVING');
    assert.deepEqual(
      await get(gateway.http, '/readyz'),
      { status: 503, text: 'not ready\n' },
      'strangers are not told why',
    );
    const { text } = await get(gateway.metrics, '/readyz');
    assert.match(text, /^not ready: NATS_UNREACHABLE/);
    assert.equal((await get(gateway.http, '/healthz')).status, 200);
    const metrics = await metricsOf(gateway.metrics);
    assert.equal(sumOf(metrics, 'live_gateway_ready'), 0);
    assert.equal(sumOf(metrics, 'live_gateway_nats_up'), 0);
  });

  it('say that viewers should go elsewhere while the gateway drains', async () => {
    await using gateway = await startTestGateway(nats.url, { metrics: ANY_PORT });
    const viewer = gateway.client().join('r')[Symbol.asyncIterator]();
    await viewer.next();
    const drained = gateway.drain(60_000);
    assert.deepEqual(await get(gateway.metrics, '/readyz'), { status: 503, text: 'not ready: DRAINING\n' });
    await viewer.return?.();
    await gateway.close();
    await drained;
  });
});

describe('metrics at --http', () => {
  let nats: TestNats;

  before(async () => {
    nats = await startNats();
  });

  after(() => nats.stop());

  it('are for nobody unless a setting says for whom', async () => {
    await using gateway = await startTestGateway(nats.url, { http: ANY_PORT });
    const { status, text } = await get(gateway.http, '/metrics');
    assert.equal(status, 404);
    assert.match(text, /--http-metrics/);
  });

  it('are for the networks that it names', async () => {
    await using there = await startTestGateway(nats.url, { http: ANY_PORT, httpMetrics: LOOPBACK });
    assert.match(await metricsOf(there.http), /^live_gateway_rooms 0$/m);
    await using gone = await startTestGateway(nats.url, { http: ANY_PORT, httpMetrics: ELSEWHERE });
    assert.equal((await get(gone.http, '/metrics')).status, 404);
  });

  it('are for nobody who comes by a proxy that is not trusted, and by one that is for whom it names', async () => {
    const settings = { http: ANY_PORT, httpMetrics: [...LOOPBACK, ...ELSEWHERE] };
    await using unaware = await startTestGateway(nats.url, settings);
    for (const header of ['X-Forwarded-For', 'Forwarded', 'Via'])
      assert.equal((await get(unaware.http, '/metrics', { [header]: '192.0.2.1' })).status, 404, header);
    await using aware = await startTestGateway(nats.url, { ...settings, trustedProxies: LOOPBACK });
    const from = (address: string) => get(aware.http, '/metrics', { 'X-Forwarded-For': address });
    assert.equal((await from('192.0.2.1')).status, 200);
    assert.equal((await from('198.51.100.1')).status, 404);
  });

  it('are those of all workers, whichever is asked', async () => {
    const http = ['--http', '127.0.0.1:0', '--http-metrics', '127.0.0.1'];
    await using server = await ServerProcess.start(nats.url, '--workers', '2', ...http);
    const address = String(server.log.find(({ msg }) => msg === 'ready')?.['http']);
    assert.equal(sumOf(await metricsOf(address), 'live_gateway_memory_limit_bytes'), 256 * 2 ** 20);
    assert.deepEqual(await get(address, '/readyz'), { status: 200, text: 'ready\n' });
  });
});
