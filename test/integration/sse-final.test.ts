import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { stall } from '../../chaos/links/faults/stall.ts';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import type { Clock } from '../../common/clock.ts';
import { systemClock } from '../../common/clock.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { StockViewer } from '../helpers/stock-viewer.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import type { Claims } from '../helpers/tokens.ts';
import { inSeconds, jwkOf, newSigner, SECRET, token } from '../helpers/tokens.ts';
import { webSocket } from '../helpers/transports.ts';

type Overrides = Parameters<typeof startTestGateway>[1];

/** An EventSource gives up for good after any answer but 200 with events, and comes again for ever after everything else. */
describe('Resumable: an EventSource of others', () => {
  let nats: TestNats;
  let gateways: TestGateway[];
  let viewers: StockViewer[];
  let directory: TempDir;

  beforeEach(async () => {
    gateways = [];
    viewers = [];
    directory = await tempDir();
    await writeFile(join(directory.path, 'secret'), SECRET);
    nats = await startNats();
  });

  afterEach(async () => {
    for (const viewer of viewers) viewer[Symbol.dispose]();
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await nats.stop();
    await directory[Symbol.asyncDispose]();
  });

  async function start(overrides: Overrides = {}, clock: Clock = systemClock): Promise<TestGateway> {
    // The least of the times in which viewers are to come again.
    const gateway = await startTestGateway(nats.url, overrides, { random: () => 0, clock }, webSocket);
    gateways.push(gateway);
    return gateway;
  }

  const startAsking = (overrides: Overrides = {}, clock?: Clock): Promise<TestGateway> =>
    start({ jwtSecretFile: join(directory.path, 'secret'), ...overrides }, clock);

  const ann = (claims: Claims = {}): string => token({ sub: 'ann', exp: inSeconds(600), ...claims });

  function watch(address: string | undefined, path = 'demo/events'): StockViewer {
    const viewer = new StockViewer(`http://${address}/v1/rooms/${path}`);
    viewers.push(viewer);
    return viewer;
  }

  const reasons = (viewer: StockViewer): unknown[] => viewer.all('refused').map(({ data }) => data['reason']);

  /** Waits until it has all that there is. It fails at once if it gives up. */
  async function comesIn(viewer: StockViewer): Promise<void> {
    const isIn = (): boolean => viewer.all('caught-up').length > 0;
    await until('it is in, or has given up', () => isIn() || viewer.state === 'closed');
    assertNeverFinal(viewer);
  }

  function assertNeverFinal(viewer: StockViewer): void {
    assert.deepEqual(
      viewer.errors.filter(({ final }) => final),
      [],
    );
  }

  describe('comes again', () => {
    it('to a room that cannot be opened while NATS is away', async () => {
      const gateway = await start();
      await nats.kill();
      const viewer = watch(gateway.http);
      await viewer.next('refused', 2);
      await nats.restart();
      await comesIn(viewer);
      assert.deepEqual([...new Set(reasons(viewer))], ['UPSTREAM_UNAVAILABLE']);
    });

    it('where it is told at once that it waits: of a room that others watch, while NATS is away', async () => {
      const gateway = await start();
      const other = watch(gateway.http);
      await other.next('caught-up');
      await nats.kill();
      await other.next('upstream');
      const viewer = watch(gateway.http);
      const { data } = await viewer.next('upstream');
      assert.deepEqual(data, { upstream: 'DEGRADED', causes: ['NATS_UNREACHABLE'] });
      assert.equal(viewer.state, 'open');
      assert.deepEqual([...viewer.all('joined'), ...viewer.all('audience')], []);
      await nats.restart();
      await viewer.next('caught-up');
      await using producer = await StockProducer.connect(nats.url);
      await producer.publish('demo', 'one');
      assert.equal((await viewer.next('message')).data['payload'], 'one');
      assert.deepEqual([viewer.opened, viewer.all('joined').length, viewer.errors], [1, 1, []]);
    });

    it('to a gateway that is started again', async () => {
      const gateway = await start();
      const viewer = watch(gateway.http);
      await viewer.next('caught-up');
      await gateway.close();
      await until('it has tried in vain', () => viewer.errors.length >= 2);
      await start({ http: gateway.target });
      const { data } = await viewer.next('joined', 2);
      assert.equal(data['outcome'], 'RESUMED');
      assertNeverFinal(viewer);
    });

    for (const limit of ['maxConnections', 'maxConnectionsPerAddress'] as const)
      it(`when there is room again, where there are so many connections as may be (${limit})`, async () => {
        const gateway = await start({ [limit]: 1, ...(limit === 'maxConnectionsPerAddress' && EVERYWHERE) });
        const there = watch(loopback(gateway), 'demo/events');
        await there.next('caught-up');
        const viewer = watch(loopback(gateway));
        await until('it has come in vain twice', () => viewer.errors.length >= 2);
        there[Symbol.dispose]();
        await comesIn(viewer);
      });

    it('in the time that it is told, where it has joined too often', async () => {
      const gateway = await startAsking({ joinRate: 0.2 });
      const often = Array.from({ length: 3 }, () => watch(gateway.http, `demo/events?token=${ann()}`));
      const { data } = await until(
        'one is refused',
        () => often.flatMap((viewer) => viewer.all('refused'))[0],
      );
      assert.deepEqual([data['reason'], Number(data['retryAfterMs']) > 3_000], ['RATE_LIMITED', true]);
      await until('all are in', () => often.every((viewer) => viewer.all('caught-up').length > 0));
      assert.equal(often.flatMap(reasons).length, 1, 'it has not come too early');
      for (const viewer of often) assertNeverFinal(viewer);
    });

    it('while the keys cannot be had that its token is verified with', async () => {
      const signer = newSigner('ES256');
      let keys: Record<string, unknown>[] = [];
      const issuer = createServer((_, response) => response.end(JSON.stringify({ keys })));
      issuer.listen(0, '127.0.0.1');
      await once(issuer, 'listening');
      const jwksUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/keys`;
      const gateway = await start({ jwksUrl });
      const signed = token({ sub: 'ann', exp: inSeconds(600) }, signer);
      const viewer = watch(gateway.http, `demo/events?token=${signed}`);
      await viewer.next('refused');
      keys = [jwkOf(signer)];
      await comesIn(viewer);
      assert.deepEqual([...new Set(reasons(viewer))], ['AUTHENTICATION_UNAVAILABLE']);
      issuer.close();
      issuer.closeAllConnections();
    });

    it('when its token is valid, where it is too early', async () => {
      const clock = new SkippingClock();
      const gateway = await startAsking({}, clock);
      const tomorrow = { nbf: inSeconds(86_400), exp: inSeconds(90_000) };
      const viewer = watch(gateway.http, `demo/events?token=${ann(tomorrow)}`);
      await viewer.next('refused', 2);
      clock.skip(86_400_000);
      await comesIn(viewer);
      assert.deepEqual([...new Set(reasons(viewer))], ['TOKEN_NOT_YET_VALID']);
    });
  });

  it('comes again whose request took so long that its connection was ended', async () => {
    const gateway = await start();
    await using link = await FaultProxy.listen(gateway.target);
    const stalled = link.applyAll(stall);
    const viewer = watch(link.address);
    await until('it is connected', () => gateway.stats.connections === 1);
    await until('the gateway has ended its connection', () => gateway.stats.connections === 0);
    stalled.lift();
    await comesIn(viewer);
  });

  it('never comes again where nothing is right', async () => {
    const gateway = await startAsking();
    const wrong: readonly (readonly [path: string, status: number])[] = [
      ['demo/events', 401],
      ['demo/events?token=none', 401],
      [`demo/events?token=${ann({ exp: inSeconds(-60) })}`, 401],
      [`demo/events?token=${ann({ rooms: ['other'] })}`, 403],
      [`no%20room/events?token=${ann()}`, 400],
      [`demo/events?from=tomorrow&token=${ann()}`, 400],
      [`demo/events?cursor=none&token=${ann()}`, 400],
      [`demo/nothing?token=${ann()}`, 404],
    ];
    const turnedAway = wrong.map(([path]) => watch(gateway.http, path));
    await until('all have given up', () => turnedAway.every(({ state }) => state === 'closed'));
    // So long that whoever comes again would have done so.
    const control = watch(gateway.http, `demo/events?token=${ann({ nbf: inSeconds(500) })}`);
    await control.next('refused', 5);
    assert.deepEqual(
      turnedAway.map(({ errors }) => errors),
      wrong.map(([, status]) => [{ final: true, status }]),
    );
    const refused = [...gateway.stats.refused].filter(([reason]) => reason !== 'TOKEN_NOT_YET_VALID');
    const times = refused.reduce((sum, [, count]) => sum + count, 0);
    assert.equal(times, wrong.length - 1, 'each has asked once; what is not served is not counted');
  });
});

/** Limits by address are for those that are not of this machine's own: see --max-connections-per-address. */
const EVERYWHERE: Overrides = { http: { host: '0.0.0.0', port: 0 }, insecure: true };

const loopback = ({ http }: TestGateway): string => (http as string).replace('0.0.0.0', '127.0.0.1');
