import assert from 'node:assert/strict';
import { NatsServers } from '../../cli/chaos/run/backend/nats-servers.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { until } from '../helpers/poll.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

describe('a gateway and a NATS cluster that has no leader', function () {
  this.timeout(60_000);
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

  it('waits for the leader when it starts', async () => {
    await Promise.all([nats.kill(1), nats.kill(2)]);
    const args = ['--nats', nats.urls.join(','), '--replicas', '3', '--listen', '127.0.0.1:0'];
    await using gateway = new ServerProcess(args);
    await until('it is waiting', () => gateway.log.some(({ msg }) => String(msg).includes('JetStream')), {
      timeoutMs: 20_000,
    });
    await Promise.all([nats.restart(1), nats.restart(2)]);
    assert.match(await gateway.address(), /^127\.0\.0\.1:\d+$/);
  });
});
