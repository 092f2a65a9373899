import assert from 'node:assert/strict';
import { connect } from 'nats';
import { NatsServers } from '../../chaos/run/backend/nats-servers.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { until } from '../helpers/poll.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

describe('gateways that start on a NATS cluster', () => {
  let directory: TempDir;
  let nats: NatsServers;

  beforeEach(async () => {
    directory = await tempDir();
    nats = await NatsServers.start(directory.path, 3);
  });

  afterEach(async () => {
    await nats.close();
    await directory[Symbol.asyncDispose]();
  });

  it('create the stream once, however many start at the same moment', async () => {
    const connection = await connect({ servers: [...nats.urls] });
    try {
      let requests = 0;
      connection.subscribe('$JS.API.STREAM.CREATE.LIVE', { callback: () => (requests += 1) });
      await connection.flush();
      const settings = { nats: nats.urls, replicas: 3 } as const;
      const gateways = await Promise.all([1, 2, 3].map(() => startTestGateway('', settings)));
      await Promise.all(gateways.map((gateway) => gateway.close()));
      await connection.flush();
      assert.equal(requests, 1);
    } finally {
      await connection.close();
    }
  });

  it('wait while the cluster has no leader', async () => {
    await Promise.all([nats.kill(1), nats.kill(2)]);
    const args = ['--nats', nats.urls.join(','), '--replicas', '3', '--listen', '127.0.0.1:0'];
    await using gateway = new ServerProcess(args);
    await until('it is waiting', () => gateway.log.some(({ msg }) => String(msg).includes('JetStream')));
    await Promise.all([nats.restart(1), nats.restart(2)]);
    assert.match(await gateway.address(), /^127\.0\.0\.1:\d+$/);
  });
});
