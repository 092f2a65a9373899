import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bandwidth } from '../../chaos/links/faults/bandwidth.ts';
import { stall } from '../../chaos/links/faults/stall.ts';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import { LiveClient } from '../../client/index.ts';
import { Http2Attacker } from '../helpers/http2-attacker.ts';
import { accountConfig } from '../helpers/nats-account.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { rawPublish } from '../helpers/raw-stream.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const run = promisify(execFile);
const gift = { room: 'demo', type: 'gift', payload: Buffer.alloc(1_000) };

/** docs/operations.md as whoever is called at night has it: what it says is seen, and what it says is to be done helps. Programs as built, nothing of them is asked but their log and metrics. */
describe('docs/operations.md, by faults that are planted', () => {
  const running: AsyncDisposable[] = [];

  afterEach(async () => {
    for (const one of running.splice(0).reverse()) await one[Symbol.asyncDispose]();
  });

  function kept<T extends AsyncDisposable>(one: T): T {
    running.push(one);
    return one;
  }

  const serve = async (url: string, ...args: string[]): Promise<ServerProcess> =>
    kept(await ServerProcess.start(url, '--metrics', '127.0.0.1:0', ...args));

  const says = (server: ServerProcess, text: string): Promise<Record<string, unknown>> =>
    until(`the log says ${text}`, () => server.log.find(({ msg }) => msg === text));

  async function metric(server: ServerProcess, name: string): Promise<number> {
    const { metrics } = server.log.find(({ msg }) => msg === 'ready') as { metrics: string };
    const text = await (await fetch(`http://${metrics}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`${name} `));
    return line === undefined ? 0 : Number(line.slice(name.length));
  }

  const degraded = (server: ServerProcess, cause: string): Promise<number> =>
    metric(server, `live_gateway_upstream_degraded{cause="${cause}"}`);

  const stores = async (server: ServerProcess): Promise<void> => {
    const address = await server.address();
    await until('a publish is stored', async () => (await rawPublish(address, gift)).code === 'OK', {
      everyMs: 200,
    });
  };

  it('a permission is missing', async () => {
    const nats = kept(await startNats({ config: accountConfig() }));
    const server = await serve(nats.url);
    const address = await server.address();
    await stores(server);
    const denied = accountConfig({ denyPublish: ['live.room.>'] });
    await nats.reconfigure(denied);
    await until('NATS: PUBLISHES_FAILING is said', async () => {
      const { reason } = await rawPublish(address, gift);
      return (
        reason === 'PUBLISH_FORBIDDEN' && server.log.some(({ msg }) => msg === 'NATS: PUBLISHES_FAILING')
      );
    });
    assert.equal(await degraded(server, 'PUBLISHES_FAILING'), 1);

    const another = kept(new ServerProcess(['--nats', nats.url, '--listen', '127.0.0.1:0']));
    assert.equal(await another.exit(), 3);
    assert.match(another.stderr, /live\.room/);
    assert.ok(another.log.some(({ msg }) => msg === 'cannot start'));

    await nats.reconfigure(accountConfig());
    await says(server, 'NATS: PUBLISHES_FAILING is over');
    await stores(server);
    assert.equal(await degraded(server, 'PUBLISHES_FAILING'), 0);
  });

  it('the disk is full', async function () {
    const directory = kept(await tempDir());
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', directory.path]).catch(
      () => undefined,
    );
    if (mounted === undefined) this.skip();
    try {
      await withFullDisk(directory.path);
    } finally {
      for (const one of running.splice(1).reverse()) await one[Symbol.asyncDispose]();
      await run('umount', [directory.path]);
    }
  });

  async function withFullDisk(disk: string): Promise<void> {
    const nats = kept(await onDisk(disk));
    const server = await serve(nats.url, '--max-bytes', '100MiB');
    const address = await server.address();
    await stores(server);
    const ballast = join(disk, 'ballast');
    await writeFile(ballast, Buffer.alloc(64 * 1024 * 1024)).catch(() => undefined);
    const large = { ...gift, payload: Buffer.alloc(100_000), timeoutMs: 3_000 };
    const end = await until('a publish fails', async () => {
      const tried = await rawPublish(address, large);
      return tried.code === 'OK' ? undefined : tried;
    });
    assert.ok(['STREAM_FULL', 'PUBLISH_OUTCOME_UNKNOWN'].includes(end.reason ?? ''), end.reason);
    const line = await until('the cause is said', () =>
      server.log.find(({ msg }) => msg === 'NATS: STORAGE_FULL' || msg === 'NATS: PUBLISHES_FAILING'),
    );
    await rm(ballast);
    await nats.restart();
    await says(server, `${String(line['msg'])} is over`);
    await stores(server);
  }

  async function onDisk(disk: string): Promise<TestNats> {
    const before = process.env['TMPDIR'];
    process.env['TMPDIR'] = disk;
    try {
      return await startNats({ config: 'jetstream { max_file_store: 1GB }' });
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    }
  }

  it('a slow link to NATS', async () => {
    const nats = kept(await startNats());
    await (await serve(nats.url))[Symbol.asyncDispose]();
    const producer = await StockProducer.connect(nats.url);
    await producer.burst('demo', Array<string>(500).fill('x'.repeat(2_000)));
    await producer.close();
    const proxy = await FaultProxy.listen({ host: '127.0.0.1', port: nats.port });
    running.push({ [Symbol.asyncDispose]: () => proxy.close() });
    const slow = proxy.applyAll(bandwidth(40_000));
    const server = await serve(`nats://${proxy.address}`);
    const client = new LiveClient({ endpoints: [await server.address()] });
    running.push({ [Symbol.asyncDispose]: () => client.close() });
    const room = client.join('demo', { from: 'earliest' });
    let received = 0;
    const all = (async () => {
      for await (const event of room) if (event.kind === 'message' && ++received === 500) break;
    })();
    await until('the viewer lags', async () => (await metric(server, 'live_gateway_lagging')) === 1);
    assert.ok(received < 500);
    assert.ok(!server.log.some(({ msg }) => String(msg).startsWith('NATS: ')), 'no cause');
    slow.lift();
    await all;
    await until('nobody lags', async () => (await metric(server, 'live_gateway_lagging')) === 0);
  });

  it('one region is stuck', async () => {
    const nats = kept(await startNats());
    const proxy = await FaultProxy.listen({ host: '127.0.0.1', port: nats.port });
    running.push({ [Symbol.asyncDispose]: () => proxy.close() });
    const healthy = await serve(nats.url);
    const stuck = await serve(`nats://${proxy.address}`);
    const fault = proxy.applyAll(stall);
    await says(stuck, 'nothing comes from NATS');
    await says(stuck, 'NATS: NATS_UNREACHABLE');
    assert.equal(await degraded(stuck, 'NATS_UNREACHABLE'), 1);
    const { reason } = await rawPublish(await stuck.address(), { ...gift, timeoutMs: 1_000 });
    assert.ok(['UPSTREAM_UNAVAILABLE', 'PUBLISH_OUTCOME_UNKNOWN'].includes(reason ?? ''), reason);
    await stores(healthy);
    assert.ok(!healthy.log.some(({ msg }) => String(msg).startsWith('NATS: ')), 'others notice nothing');
    fault.lift();
    await says(stuck, 'NATS: NATS_UNREACHABLE is over');
    await stores(stuck);
  });

  it('an attack', async () => {
    const nats = kept(await startNats());
    const server = await serve(nats.url, '--control-frames', '50');
    const address = await server.address();
    const refused = (): Promise<number> =>
      metric(server, 'live_gateway_refused_total{reason="CONTROL_FRAMES"}');
    using attacker = new Http2Attacker(address);
    await until(
      'the connection is ended',
      () => {
        for (let n = 0; n < 9 && !attacker.closed; n++) attacker.session.ping(() => undefined);
        return attacker.closed;
      },
      { everyMs: 1 },
    );
    await until('it is counted', async () => (await refused()) > 0);
    const line = server.log.find(({ reason }) => reason === 'CONTROL_FRAMES');
    assert.match(String(line?.['peer']), /^127\.0\.0\.1/);
    // Who is blocked comes no more.
    const before = await refused();
    await stores(server);
    assert.equal(await refused(), before);
  });
});
