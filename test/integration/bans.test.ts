import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServiceError } from '@grpc/grpc-js';
import { credentials, Metadata } from '@grpc/grpc-js';
import type { KV } from 'nats';
import type { LiveClient } from '../../client/index.ts';
import { LiveError } from '../../client/index.ts';
import { LiveStub } from '../../protos/live.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import type { Claims } from '../helpers/tokens.ts';
import { inSeconds, SECRET, token } from '../helpers/tokens.ts';

/** What a viewer of room `r` met. */
class Watcher {
  readonly client: LiveClient;
  readonly errors: LiveError[] = [];
  joins = 0;
  ended: LiveError | undefined;

  constructor(gateway: TestGateway, options: Parameters<TestGateway['client']>[0]) {
    this.client = gateway.client({ backoff: { baseMs: 20, maxMs: 20 }, ...options });
    this.client.on('state', (state) => {
      if (state.kind === 'backoff') this.errors.push(state.cause);
    });
    void this.#watch();
  }

  async #watch(): Promise<void> {
    try {
      for await (const event of this.client.join('r')) if (event.kind === 'joined') this.joins += 1;
    } catch (error) {
      this.ended = error as LiveError;
    }
  }
}

describe('gateways whose bucket of bans is written to with stock tools', () => {
  let nats: TestNats;
  let directory: TempDir;
  let secretFile: string;
  let operator: StockProducer;
  let kv: KV;
  let gateways: TestGateway[];

  before(async () => {
    directory = await tempDir();
    secretFile = join(directory.path, 'secret');
    await writeFile(secretFile, SECRET);
  });

  after(() => directory[Symbol.asyncDispose]());

  beforeEach(async () => {
    nats = await startNats();
    operator = await StockProducer.connect(nats.url);
    gateways = [];
  });

  afterEach(async () => {
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await operator[Symbol.asyncDispose]();
    await nats.stop();
  });

  async function start(...dependencies: Parameters<typeof startTestGateway>[2][]): Promise<TestGateway> {
    const gateway = await startTestGateway(nats.url, { jwtSecretFile: secretFile }, ...dependencies);
    gateways.push(gateway);
    return gateway;
  }

  const createBucket = async (): Promise<void> => {
    kv = await operator.nc.jetstream().views.kv('LIVE_access');
  };

  const of = (user: string, claims: Claims = {}): string =>
    token({ sub: user, exp: inSeconds(600), roles: ['publisher'], ...claims });

  /** What a call is answered with by this gateway: ROOM_UNKNOWN where the caller is let in. */
  async function asks(gateway: TestGateway, given: string): Promise<string> {
    const client = gateway.client({ token: given });
    const reasonOf = (error: unknown): string => (error instanceof LiveError ? error.reason : String(error));
    const asked = await client.room('nowhere').then(() => 'OK', reasonOf);
    const pulled = await client
      .pull('nowhere')
      .next()
      .then(() => 'OK', reasonOf);
    assert.equal(pulled, asked);
    return asked;
  }

  it('end the streams of a banned user, wherever they are, and let nobody in by that name', async () => {
    await createBucket();
    const [here, there] = [await start(), await start()];
    const anns = [here, there].map((gateway) => new Watcher(gateway, { token: of('ann') }));
    const bob = new Watcher(here, { token: of('bob') });
    await until('all have joined', () => [...anns, bob].every(({ joins }) => joins === 1));
    await kv.put('ban.ann', JSON.stringify({ until: '2999-01-01T00:00:00Z', reason: 'spam' }));
    for (const ann of anns) {
      const { reason, codeName, message } = await until('the stream has ended', () => ann.ended);
      assert.deepEqual([reason, codeName], ['USER_BANNED', 'PERMISSION_DENIED']);
      assert.match(message, /until 2999-01-01T00:00:00.000Z \(spam\)/);
      assert.equal(ann.client.state.kind, 'closed', 'it is not tried again');
    }
    for (const gateway of gateways) {
      assert.equal(await asks(gateway, of('ann')), 'USER_BANNED');
      assert.equal(await asks(gateway, of('bob')), 'ROOM_UNKNOWN');
      await assert.rejects(
        gateway.client({ token: of('ann') }).publish('r', { type: 'gift', payload: 'x' }),
        {
          reason: 'USER_BANNED',
        },
      );
    }
    assert.equal(bob.joins, 1);
    assert.equal(bob.ended, undefined);
    await kv.delete('ban.ann');
    await until('she is let in again', async () => (await asks(there, of('ann'))) === 'ROOM_UNKNOWN');
  });

  it('end them also while the bucket is written to without end', async () => {
    await createBucket();
    const gateway = await start();
    const ann = new Watcher(gateway, { token: of('ann') });
    await until('she has joined', () => ann.joins === 1);
    // As many entries as are read come again, so that whoever reads to the end reads for ever.
    let keys = 0;
    const put = (): void => void kv.put(`token.t${keys++}`, '').catch(() => undefined);
    for (let n = 0; n < 50; n++) put();
    const reads = operator.nc.subscribe('$JS.API.STREAM.MSG.GET.KV_LIVE_access', { callback: put });
    try {
      await kv.put('ban.ann', '');
      assert.equal((await until('her stream has ended', () => ann.ended)).reason, 'USER_BANNED');
      assert.ok(keys > 50, 'it was written to meanwhile');
    } finally {
      reads.unsubscribe();
    }
  });

  it('let a token that is revoked in no more: who can get another goes on, who cannot is told', async () => {
    await createBucket();
    const gateway = await start();
    let made = 0;
    const renewing = new Watcher(gateway, { token: () => of('ann', { jti: `ann ${++made}` }) });
    const fixed = new Watcher(gateway, { token: of('ann', { jti: 'ann 1' }) });
    const other = new Watcher(gateway, { token: of('ann', { jti: 'phone' }) });
    await until('all have joined', () => [renewing, fixed, other].every(({ joins }) => joins === 1));
    await kv.put('token.=YW5uIDE', '');
    assert.equal((await until('the stream has ended', () => fixed.ended)).reason, 'TOKEN_REVOKED');
    await until('it has joined with another token', () => renewing.joins === 2);
    assert.deepEqual(
      renewing.errors.map(({ reason, codeName }) => `${codeName} ${reason}`),
      ['UNAUTHENTICATED TOKEN_REVOKED'],
    );
    assert.deepEqual([other.joins, other.ended], [1, undefined]);
    assert.equal(await asks(gateway, of('ann', { jti: 'ann 1' })), 'TOKEN_REVOKED');
  });

  it('end the streams of a user once, and serve those that are opened after that', async () => {
    await createBucket();
    const gateway = await start();
    const before = new Watcher(gateway, { token: of('ann') });
    await until('she has joined', () => before.joins === 1);
    await kv.put('disconnect.ann', '');
    const { reason, codeName } = await until('the stream has ended', () => before.ended);
    assert.deepEqual([reason, codeName], ['DISCONNECTED', 'PERMISSION_DENIED']);
    const after = new Watcher(gateway, { token: of('ann') });
    const restarted = new Watcher(await start(), { token: of('ann') });
    await kv.put('ban.bob', '');
    for (const gateway of gateways)
      await until('what came later is known', async () => (await asks(gateway, of('bob'))) === 'USER_BANNED');
    assert.deepEqual(
      [after.ended, after.joins, restarted.ended, restarted.joins],
      [undefined, 1, undefined, 1],
    );
  });

  it('end a pull of a user who is banned meanwhile, before its next part', async () => {
    await createBucket();
    const gateway = await start();
    await operator.burst('long', Array<string>(200).fill('x'.repeat(60_000)));
    const stub = new LiveStub(gateway.address, credentials.createInsecure());
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${of('ann')}`);
    const call = stub.pull({ room: 'long', start: { earliest: {} } }, metadata);
    let parts = 0;
    const ended = new Promise<ServiceError>((resolve) => call.on('error', resolve));
    await new Promise<void>((resolve) => {
      call.on('data', () => {
        parts += 1;
        call.pause();
        resolve();
      });
    });
    await kv.put('ban.ann', '');
    await until('she is banned', async () => (await asks(gateway, of('ann'))) === 'USER_BANNED');
    call.on('data', () => void call.resume()).resume();
    assert.equal((await ended).metadata.get('live-reason')[0], 'USER_BANNED');
    assert.ok(parts < 100, `${parts} parts`);
    stub.close();
  });

  it('let in again whose time is over', async () => {
    await createBucket();
    const clock = new SkippingClock();
    const gateway = await start({ clock });
    await kv.put('ban.ann', JSON.stringify({ until: new Date(Date.now() + 3_600_000).toISOString() }));
    await until('she is banned', async () => (await asks(gateway, of('ann'))) === 'USER_BANNED');
    clock.skip(3_600_000);
    assert.equal(await asks(gateway, token({ sub: 'ann' })), 'ROOM_UNKNOWN');
  });

  it('know of it after they, and NATS, were restarted', async () => {
    await createBucket();
    await kv.put('ban.ann', '');
    await start();
    await nats.restart();
    for (const gateway of [...gateways, await start()])
      assert.equal(await asks(gateway, of('ann')), 'USER_BANNED');
  });

  it('know of all when they start, however many there are and however often they have changed', async () => {
    await createBucket();
    const users = Array.from({ length: 300 }, (_, index) => `user-${index}`);
    for (let times = 0; times < 3; times++) await Promise.all(users.map((user) => kv.put(`ban.${user}`, '')));
    await kv.delete('ban.user-7');
    const gateway = await start();
    for (const user of ['user-0', 'user-150', 'user-299'])
      assert.equal(await asks(gateway, of(user)), 'USER_BANNED');
    assert.equal(await asks(gateway, of('user-7')), 'ROOM_UNKNOWN');
    await kv.delete('ban.user-0');
    await until('she is let in again', async () => (await asks(gateway, of('user-0'))) === 'ROOM_UNKNOWN');
  });

  it('go on by what they know while NATS is away, and say how old that is', async () => {
    await createBucket();
    await kv.put('ban.ann', '');
    const clock = new SkippingClock();
    const gateway = await start({ clock });
    await nats.kill();
    await until('it is known that NATS is away', () => gateway.stats.upstreamCauses.length > 0);
    clock.skip(60_000);
    const client = gateway.client({ token: of('ann') });
    await assert.rejects(client.room('r'), { reason: 'USER_BANNED' });
    assert.ok((gateway.stats.bansAgeSeconds ?? 0) >= 60);
    await nats.restart();
    await until('it is known anew', () => (gateway.stats.bansAgeSeconds ?? 60) < 60);
  });

  it('notice a bucket that is made later, deleted, made again, or has lost entries', async () => {
    const gateway = await start();
    const settles = (user: string, wanted: string): Promise<unknown> =>
      until(`${user} meets ${wanted}`, async () => (await asks(gateway, of(user))) === wanted);
    assert.equal(await asks(gateway, of('ann')), 'ROOM_UNKNOWN');
    await createBucket();
    await kv.put('ban.ann', '');
    await kv.put('ban.bob', '');
    await settles('bob', 'USER_BANNED');
    await operator.jsm.streams.purge('KV_LIVE_access', { filter: '$KV.LIVE_access.ban.ann' });
    await settles('ann', 'ROOM_UNKNOWN');
    assert.equal(await asks(gateway, of('bob')), 'USER_BANNED');
    await operator.jsm.streams.delete('KV_LIVE_access');
    await createBucket();
    await kv.put('ban.eve', '');
    await settles('eve', 'USER_BANNED');
    assert.equal(await asks(gateway, of('bob')), 'ROOM_UNKNOWN');
    await operator.jsm.streams.delete('KV_LIVE_access');
    await settles('eve', 'ROOM_UNKNOWN');
  });
});
