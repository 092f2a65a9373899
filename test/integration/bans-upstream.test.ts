import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { connect } from 'nats';
import { NatsServers } from '../../chaos/run/backend/nats-servers.ts';
import type { LiveClient } from '../../client/index.ts';
import { LiveError } from '../../client/index.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { startHubAndLeaf } from '../helpers/leaf-node.ts';
import { askForBan } from '../helpers/moderating.ts';
import { until } from '../helpers/poll.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { SECRET, token } from '../helpers/tokens.ts';

const MODERATOR = token({ sub: 'mod', roles: ['moderator'] });

describe('bans, wherever their bucket is', () => {
  let directory: TempDir;
  let jwtSecretFile: string;

  before(async () => {
    directory = await tempDir();
    jwtSecretFile = join(directory.path, 'secret');
    await writeFile(jwtSecretFile, SECRET);
  });

  after(() => directory[Symbol.asyncDispose]());

  /** A client that has joined room `r`. */
  async function watching(gateway: TestGateway, user: string): Promise<LiveClient> {
    const client = gateway.client({ token: token({ sub: user }) });
    await client.join('r')[Symbol.asyncIterator]().next();
    return client;
  }

  const reasonFor = (gateway: TestGateway, user: string): Promise<string> =>
    gateway
      .client({ token: token({ sub: user }) })
      .room('nowhere')
      .then(
        () => 'OK',
        (error: unknown) => (error instanceof LiveError ? error.reason : String(error)),
      );

  const banned = (by: TestGateway, user: string): Promise<unknown> =>
    until(`${user} is banned`, async () => (await askForBan(by.address, MODERATOR, { user })) === 'OK');

  it('go on in a cluster whose leaders are killed one after the other, and none is forgotten', async () => {
    await using storage = await tempDir();
    const nats = await NatsServers.start(storage.path, 3);
    const settings = { nats: nats.urls, replicas: 3, jwtSecretFile } as const;
    const gateways: TestGateway[] = [];
    let operator: NatsConnection | undefined;
    try {
      for (let i = 0; i < 2; i++) gateways.push(await startTestGateway('', settings));
      const [here, there] = gateways as [TestGateway, TestGateway];
      operator = await connect({ servers: [...nats.urls], maxReconnectAttempts: -1, reconnectTimeWait: 20 });
      await banned(here, 'user0');
      const users = ['user0'];
      for (let round = 1; round <= 2; round++) {
        const user = `user${round}`;
        const viewer = await watching(there, user);
        const jsm = await operator.jetstreamManager({ timeout: 60_000 });
        const { cluster } = await jsm.streams.info('KV_LIVE_access');
        const leader = Number(/\d+$/.exec(cluster?.leader ?? '')?.[0] ?? assert.fail('no leader')) - 1;
        await nats.kill(leader);
        await banned(here, user);
        users.push(user);
        await until(`${user} is out`, () => viewer.state.kind === 'closed');
        await nats.restart(leader);
      }
      for (const gateway of gateways)
        for (const user of users) assert.equal(await reasonFor(gateway, user), 'USER_BANNED', user);
      assert.equal(await reasonFor(there, 'user9'), 'ROOM_UNKNOWN');
    } finally {
      await operator?.close();
      await Promise.all(gateways.map((gateway) => gateway.close()));
      await nats.close();
    }
  });

  it('are those of the JetStream domain that has the stream', async () => {
    await using servers = await startHubAndLeaf();
    await using hub = await startTestGateway(servers.hub.url, { jwtSecretFile });
    await using leaf = await startTestGateway(servers.leaf.url, { jwtSecretFile, jsDomain: 'hub' });
    const [ann, bob] = [await watching(hub, 'ann'), await watching(leaf, 'bob')];
    assert.equal(await askForBan(leaf.address, MODERATOR, { user: 'ann' }), 'OK');
    await until('she is out at the hub', () => ann.state.kind === 'closed');
    assert.equal(await askForBan(hub.address, MODERATOR, { user: 'bob' }), 'OK');
    await until('he is out at the leaf', () => bob.state.kind === 'closed');
    for (const gateway of [hub, leaf])
      for (const user of ['ann', 'bob']) assert.equal(await reasonFor(gateway, user), 'USER_BANNED');
  });
});
