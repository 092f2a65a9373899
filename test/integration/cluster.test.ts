import assert from 'node:assert/strict';
import { NatsServers } from '../../chaos/run/backend/nats-servers.ts';
import { LiveClient } from '../../client/index.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import { Load } from '../helpers/load.ts';
import { until } from '../helpers/poll.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const ROOM = 'tea';

describe('Resumable, Reliable: three gateways on a cluster of three NATS servers', () => {
  let directory: TempDir;
  let nats: NatsServers;
  let gateways: ServerProcess[];
  let clients: LiveClient[];

  beforeEach(async () => {
    clients = [];
    directory = await tempDir();
    nats = await NatsServers.start(directory.path, 3);
    const urls = nats.urls.join(',');
    gateways = await Promise.all([1, 2, 3].map(() => ServerProcess.start(urls, '--replicas', '3')));
  });

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(gateways.map((gateway) => gateway[Symbol.asyncDispose]()));
    await nats.close();
    await directory[Symbol.asyncDispose]();
  });

  async function flow(loads: readonly Load[]): Promise<void> {
    const enough = loads.map(({ stored }) => stored + 50);
    await until('messages flow', () => loads.every(({ stored }, n) => stored >= (enough[n] ?? 0)));
  }

  it('the stream’s leader and a gateway are killed, and nobody misses or repeats anything', async () => {
    const endpoints = await Promise.all(gateways.map((gateway) => gateway.address()));
    const connect = (): LiveClient => {
      const client = new LiveClient({ endpoints, backoff: { baseMs: 20, maxMs: 200 } });
      clients.push(client);
      return client;
    };
    const recorder = new RunRecorder();
    for (let n = 0; n < 12; n++) recorder.follow(connect(), ROOM);
    const loads = ['ann', 'bob'].map(
      (sender) => new Load(recorder, { client: connect(), room: ROOM, sender }),
    );
    await flow(loads);

    await using operator = await StockProducer.connect(nats.urls[0] as string);
    const leader = async (): Promise<number> =>
      nats.indexOf((await operator.jsm.streams.info('LIVE')).cluster?.leader as string);
    const killed = await leader();
    await operator.close();
    await nats.kill(killed);
    await flow(loads);
    gateways[0]?.signal('SIGKILL');
    await until('all have moved', () =>
      clients.every(({ state }) => state.kind === 'live' && state.endpoint !== endpoints[0]),
    );
    await flow(loads);
    await nats.restart(killed);
    await flow(loads);

    await Promise.all(loads.map((load) => load.stop()));
    assert.equal(recorder.counts.unknown, 0);
    assertGuarantees(await recorder.finish(connect()), ['Resumable']);
  });
});
