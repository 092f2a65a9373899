import assert from 'node:assert/strict';
import { LiveClient } from '../../client/index.ts';
import { firstOfTwo } from '../helpers/client-time.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import { Load, storedBy } from '../helpers/load.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { transports } from '../helpers/transports.ts';

for (const transport of transports)
  describe(`Reliable: a gateway is killed, by ${transport.name}`, () => {
    let nats: TestNats;
    let gateways: ServerProcess[];
    let clients: LiveClient[];

    beforeEach(async () => {
      clients = [];
      nats = await startNats();
      gateways = await Promise.all([1, 2].map(() => ServerProcess.start(nats.url, ...transport.flags)));
    });

    afterEach(async () => {
      await Promise.all(clients.map((client) => client.close()));
      await Promise.all(gateways.map((gateway) => gateway[Symbol.asyncDispose]()));
      await nats.stop();
    });

    it('viewers and publishers move to the other one and miss nothing', async () => {
      const endpoints = await Promise.all(gateways.map((gateway) => gateway.endpoint(transport)));
      const connect = (): LiveClient => {
        const client = new LiveClient({ endpoints, random: firstOfTwo, backoff: { baseMs: 20, maxMs: 200 } });
        clients.push(client);
        return client;
      };
      const recorder = new RunRecorder();
      const viewers = Array.from({ length: 10 }, connect);
      for (const viewer of viewers) recorder.follow(viewer, 'tea');
      const loads = ['ann', 'bob'].map(
        (sender) => new Load(recorder, { client: connect(), room: 'tea', sender }),
      );
      await until('messages flow', () => storedBy(loads) > 100);

      gateways[0]?.signal('SIGKILL');
      await until('all have moved', () =>
        clients.every(({ state }) => state.kind === 'live' && state.endpoint === endpoints[1]),
      );
      const moved = storedBy(loads);
      await until('messages flow again', () => storedBy(loads) > moved + 100);
      await Promise.all(loads.map((load) => load.stop()));

      assert.equal(recorder.counts.unknown, 0);
      assertGuarantees(await recorder.finish(connect()), ['Resumable']);
      for (const { counters } of viewers) assert.equal(counters.reconnects, 1);
    });
  });
