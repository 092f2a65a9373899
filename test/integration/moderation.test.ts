import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StreamInfo } from 'nats';
import { LiveClient, LiveError } from '../../client/index.ts';
import { RunningCli } from '../helpers/cli.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { askForBan } from '../helpers/moderating.ts';
import { until } from '../helpers/poll.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import type { Claims } from '../helpers/tokens.ts';
import { inSeconds, SECRET, token } from '../helpers/tokens.ts';

const of = (user: string, claims: Claims = {}): string =>
  token({ sub: user, exp: inSeconds(600), ...claims });
const MODERATOR = of('mod', { roles: ['moderator'], jti: 'm1' });

describe('moderators', () => {
  let nats: TestNats;
  let directory: TempDir;
  let secretFile: string;
  let servers: ServerProcess[];
  let clients: LiveClient[];

  before(async () => {
    directory = await tempDir();
    secretFile = join(directory.path, 'secret');
    await writeFile(secretFile, SECRET);
  });

  after(() => directory[Symbol.asyncDispose]());

  beforeEach(async () => {
    nats = await startNats();
    servers = [];
    clients = [];
  });

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    await nats.stop();
  });

  async function serve(...args: string[]): Promise<string> {
    const server = await ServerProcess.start(nats.url, '--jwt-secret-file', secretFile, ...args);
    servers.push(server);
    return server.address();
  }

  /** Joins a room; resolves with what ends the stream. */
  async function watching(
    address: string,
    user: string,
    claims?: Claims,
  ): Promise<{ ended: Promise<string> }> {
    const client = new LiveClient({ endpoints: [address], token: of(user, claims) });
    clients.push(client);
    const events = client.join('r')[Symbol.asyncIterator]();
    await events.next();
    const ended = (async () => {
      try {
        while (!(await events.next()).done);
        return 'OK';
      } catch (error) {
        return error instanceof LiveError ? error.reason : String(error);
      }
    })();
    return { ended };
  }

  const asks = async (address: string, given: string): Promise<string> => {
    const client = new LiveClient({ endpoints: [address], token: given });
    clients.push(client);
    return client.room('nowhere').then(
      () => 'OK',
      (error: unknown) => (error instanceof LiveError ? error.reason : String(error)),
    );
  };

  async function cli(...args: string[]): Promise<string> {
    const running = new RunningCli(args, directory.path);
    const code = await running.exit();
    assert.equal(code, 0, running.stderr);
    return running.stdout.trim();
  }

  it('ban by one gateway: the user is out on all, with workers too, and after everything was restarted', async () => {
    const [one, two] = await Promise.all([serve(), serve('--workers', '2')]);
    const anns = await Promise.all([one, two, two, two, two].map((address) => watching(address, 'ann')));
    await watching(two, 'bob');
    const bob = clients.at(-1) as LiveClient;
    const said = await cli(
      'ban',
      'ann',
      '--for',
      '1h',
      '--reason',
      'spam',
      '--server',
      one,
      '--token',
      MODERATOR,
    );
    assert.match(said, /^ann is banned until 20\d\d-.*Z$/);
    assert.deepEqual(await Promise.all(anns.map(({ ended }) => ended)), Array(5).fill('USER_BANNED'));
    for (const address of [one, two, two, two]) assert.equal(await asks(address, of('ann')), 'USER_BANNED');
    assert.equal(await asks(two, of('bob')), 'ROOM_UNKNOWN');
    assert.equal(bob.state.kind, 'live');
    const [action] = (servers[0] as ServerProcess).log.filter(({ audit }) => audit === 'action');
    assert.deepEqual(
      [action?.['msg'], action?.['user'], action?.['reason'], (action?.['by'] as { user: string }).user],
      ['a user is banned', 'ann', 'spam', 'mod'],
    );

    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    await nats.restart();
    const again = await serve();
    assert.equal(await asks(again, of('ann')), 'USER_BANNED');
    assert.equal(await cli('unban', 'ann', '--server', again, '--token', MODERATOR), 'ann is not banned');
    assert.equal(await asks(again, of('ann')), 'ROOM_UNKNOWN');
  });

  it('end the streams of a user once, and revoke a token', async () => {
    const [one, two] = await Promise.all([serve(), serve()]);
    const options = ['--server', one, '--token', MODERATOR, '--json'];
    const ann = await watching(two, 'ann@example.com', { jti: 'phone 1' });
    assert.deepEqual(JSON.parse(await cli('disconnect', 'ann@example.com', ...options)), {
      disconnected: 'ann@example.com',
    });
    assert.equal(await ann.ended, 'DISCONNECTED');
    const back = await watching(two, 'ann@example.com', { jti: 'phone 1' });
    await watching(two, 'ann@example.com', { jti: 'tablet' });
    assert.deepEqual(JSON.parse(await cli('token', 'revoke', 'phone 1', ...options)), { revoked: 'phone 1' });
    assert.equal(await back.ended, 'TOKEN_REVOKED');
    assert.equal(await asks(two, of('ann@example.com', { jti: 'phone 1' })), 'TOKEN_REVOKED');
    assert.equal(await asks(two, of('ann@example.com', { jti: 'tablet' })), 'ROOM_UNKNOWN');
    const [, , open] = clients as [LiveClient, LiveClient, LiveClient];
    assert.equal(open.state.kind, 'live', 'her other token is as good as before');
  });

  describe('as any client of gRPC', () => {
    it('need the right to moderate every room, and a request that makes sense', async () => {
      await using gateway = await startTestGateway(nats.url, { jwtSecretFile: secretFile });
      const { address } = gateway;
      const user = { user: 'ann' };
      assert.match(await askForBan(address, undefined, user), /^TOKEN_MISSING/);
      assert.match(await askForBan(address, of('bob'), user), /^NOT_PERMITTED: .*moderate every room/);
      const ofOneRoom = of('bob', { rooms: ['r'], roles: ['moderator'] });
      assert.match(await askForBan(address, ofOneRoom, user), /^NOT_PERMITTED/);
      const ofMore = of('bob', { rooms: ['r'], grants: [{ rooms: ['*'], allow: ['moderate'] }] });
      assert.equal(await askForBan(address, ofMore, { user: 'eve' }), 'OK');
      for (const [request, says] of [
        [{}, /user/],
        [{ user: 'x'.repeat(257) }, /user/],
        [{ user: 'a\nb' }, /user/],
        [{ user: 'ann', reason: 'x'.repeat(257) }, /reason/],
        [{ user: 'ann', forMs: '18446744073709551615' }, /for_ms/],
      ] as const) {
        const answer = await askForBan(address, MODERATOR, request);
        assert.match(answer, /^REQUEST_INVALID/);
        assert.match(answer, says);
      }
    });

    it('are told so by a gateway that knows no users', async () => {
      await using gateway = await startTestGateway(nats.url);
      assert.match(
        await askForBan(gateway.address, MODERATOR, { user: 'ann' }),
        /^MODERATION_UNAVAILABLE: .*--jwt/,
      );
    });

    it('are told that it may not hold while NATS is away', async () => {
      await using gateway = await startTestGateway(nats.url, { jwtSecretFile: secretFile });
      await nats.kill();
      await until('it is known that NATS is away', () => gateway.stats.upstreamCauses.length > 0);
      assert.match(
        await askForBan(gateway.address, MODERATOR, { user: 'ann' }),
        /^UPSTREAM_UNAVAILABLE: .*again/,
      );
      await nats.restart();
    });

    it('make the bucket that clients of NATS would make', async () => {
      await using gateway = await startTestGateway(nats.url, { jwtSecretFile: secretFile });
      await using operator = await StockProducer.connect(nats.url);
      assert.equal(await askForBan(gateway.address, MODERATOR, { user: 'ann', reason: 'spam' }), 'OK');
      const configOf = async (bucket: string): Promise<Partial<StreamInfo['config']>> => {
        const { name: _, subjects: __, ...config } = (await operator.jsm.streams.info(`KV_${bucket}`)).config;
        return config;
      };
      const kv = await operator.nc.jetstream().views.kv('LIVE_access');
      assert.deepEqual((await kv.get('ban.ann'))?.json(), { reason: 'spam', by: 'mod' });
      await operator.nc.jetstream().views.kv('stock', { history: 1 });
      // As ADR-8 and the `nats` tool have it; the client in JavaScript leaves it out.
      assert.deepEqual(await configOf('LIVE_access'), { ...(await configOf('stock')), deny_delete: true });
    });
  });
});
