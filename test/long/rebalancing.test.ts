import assert from 'node:assert/strict';
import { connect } from 'nats';
import { freePorts } from '../../chaos/run/backend/ports.ts';
import type { ConnectionState, LiveClient } from '../../client/index.ts';
import { firstOfTwo } from '../helpers/client-time.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import { Load, storedBy } from '../helpers/load.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RunRecorder } from '../helpers/recorder.ts';

type Moving = Extract<ConnectionState, { kind: 'moving' }>;

describe('Resumable: viewers over several gateways', () => {
  let nats: TestNats;
  let gateways: TestGateway[];
  let endpoints: string[];
  let moves: Moving[];

  beforeEach(async () => {
    nats = await startNats();
    endpoints = (await freePorts(3)).map((port) => `127.0.0.1:${port}`);
    gateways = [];
    moves = [];
  });

  afterEach(async () => {
    for (const gateway of gateways) await gateway.close();
    await nats.stop();
  });

  /** Starts the gateway at the next of the endpoints. */
  async function start(): Promise<TestGateway> {
    const port = Number(endpoints[gateways.length]?.split(':')[1]);
    const gateway = await startTestGateway(nats.url, {
      listen: { host: '127.0.0.1', port },
      rebalancePercent: 100,
    });
    gateways.push(gateway);
    return gateway;
  }

  /** A client that knows of all gateways, there or not, and begins with this one. */
  function clientAt(gateway: TestGateway): LiveClient {
    const others = endpoints.filter((endpoint) => endpoint !== gateway.address);
    const client = gateway.client({ endpoints: [gateway.address, ...others], random: firstOfTwo });
    client.on('state', (state) => {
      if (state.kind === 'moving') moves.push(state);
    });
    return client;
  }

  it('some go to a gateway that was added, and lose nothing by it', async () => {
    const first = await start();
    const recorder = new RunRecorder();
    for (let n = 0; n < 20; n++) recorder.follow(clientAt(first), 'tea');
    const load = new Load(recorder, { client: clientAt(first), room: 'tea', sender: 'ann' });
    await until('all are at the first', () => first.stats.sessions === 21);

    const added = await start();
    await until('some have moved', () => added.stats.sessions >= 3);
    const stored = storedBy([load]);
    await until('messages flow', () => storedBy([load]) > stored + 20);
    await load.stop();

    assert.ok(
      moves.every(({ reason, nextEndpoint }) => reason === 'REBALANCING' && nextEndpoint === added.address),
    );
    assert.equal(first.stats.sessionsMoved, moves.length);
    assertGuarantees(await recorder.finish(clientAt(first)), ['Resumable']);
  });

  it('a gateway tells the others that it takes nobody while it cannot prove what it says', async () => {
    const gateway = await start();
    const nc = await connect({ servers: nats.url });
    let takes: boolean | undefined;
    nc.subscribe('live.gateways', {
      callback: (_error, message) => {
        const told = message.json<{ gateway?: string; load?: { endpoint: string } }>();
        if (told.gateway !== undefined) takes = told.load?.endpoint === gateway.address;
      },
    });
    await until('it takes viewers', () => takes === true);
    const jsm = await nc.jetstreamManager();
    const { config } = await jsm.streams.info('LIVE');
    await jsm.streams.delete('LIVE');
    await until('it takes none', () => takes === false);
    await jsm.streams.add(config);
    await until('it takes viewers again', () => takes === true);
    await nc.close();
  });

  it('those of a gateway that goes are dealt to the others so that these have as many each', async () => {
    const [first, second, third] = [await start(), await start(), await start()];
    const watching = clientAt(first).join('tea');
    for (let n = 1; n < 12; n++) clientAt(first).join('tea');
    for (let n = 0; n < 8; n++) clientAt(second).join('tea');
    clientAt(third).join('tea');
    await until('the first knows of all', () => watching.audience === 21);

    await first.drain(0);
    await until('all have arrived', () => second.stats.sessions + third.stats.sessions === 21);
    const sizes = [second.stats.sessions, third.stats.sessions];
    assert.deepEqual(sizes.toSorted(), [10, 11], String(sizes));
    assert.ok(moves.every(({ reason }) => reason === 'DRAINING'));
  });
});
