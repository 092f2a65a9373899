import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { credentials, Metadata } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import type { LiveClient, RoomEvent } from '../../client/index.ts';
import { LiveError } from '../../client/index.ts';
import { LiveStub } from '../../protos/live.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import type { Claims, Signer } from '../helpers/tokens.ts';
import { inSeconds, jwkOf, newSigner, SECRET, token } from '../helpers/tokens.ts';
import { textOf } from '../helpers/text.ts';
import { transports } from '../helpers/transports.ts';

describe('a gateway that asks for tokens', () => {
  let nats: TestNats;
  let directory: TempDir;
  let secretFile: string;

  before(async () => {
    nats = await startNats();
    directory = await tempDir();
    secretFile = join(directory.path, 'secret');
    await writeFile(secretFile, `${SECRET}\n`);
  });

  after(async () => {
    await nats.stop();
    await directory[Symbol.asyncDispose]();
  });

  const start = (overrides: Parameters<typeof startTestGateway>[1] = {}): Promise<TestGateway> =>
    startTestGateway(nats.url, { jwtSecretFile: secretFile, tokenGraceMs: 0, ...overrides });

  const ann = (claims: Claims = {}): string => token({ sub: 'ann', exp: inSeconds(600), ...claims });

  it('serves every call with one, and none without', async () => {
    await using gateway = await start();
    const client = gateway.client({ token: ann({ roles: ['publisher'] }) });
    const subscription = client.join('calls', { from: 'earliest' });
    await client.publish('calls', { type: 'gift', payload: 'rose' });
    for await (const event of subscription) if (event.kind === 'message') break;
    assert.equal((await client.room('calls')).count, 1n);
    const pulled: RoomEvent['kind'][] = [];
    for await (const { kind } of client.pull('calls')) pulled.push(kind as RoomEvent['kind']);
    assert.deepEqual(pulled, ['message', 'end']);

    const stranger = gateway.client();
    const refused = { reason: 'TOKEN_MISSING', codeName: 'UNAUTHENTICATED' };
    await assert.rejects(stranger.room('calls'), refused);
    await assert.rejects(async () => {
      for await (const _ of stranger.pull('calls'));
    }, refused);
    await assert.rejects(async () => {
      for await (const _ of stranger.join('calls'));
    }, refused);
    assert.equal(stranger.state.kind, 'closed');
  });

  it('takes what a stock client sends as authorization: Bearer', async () => {
    await using gateway = await start();
    const stub = new LiveStub(gateway.address, credentials.createInsecure());
    const ask = (authorization?: string): Promise<string> => {
      const metadata = new Metadata();
      if (authorization !== undefined) metadata.set('authorization', authorization);
      const request = { room: 'r', type: 'comment', payload: Buffer.from('hi') };
      return new Promise((resolve) =>
        stub.publish(request, metadata, (error: ServiceError | null) =>
          resolve(error ? String(error.metadata.get('live-reason')[0]) : 'OK'),
        ),
      );
    };
    assert.equal(await ask(`Bearer ${ann()}`), 'OK');
    assert.equal(await ask(`bearer ${ann()}`), 'OK');
    assert.equal(await ask(), 'TOKEN_MISSING');
    assert.equal(await ask('Basic YTpi'), 'TOKEN_MISSING');
    assert.equal(await ask('Bearer nonsense'), 'TOKEN_INVALID');
    assert.equal(await ask(`Bearer ${ann({ exp: inSeconds(-60) })}`), 'TOKEN_EXPIRED');
    assert.equal(await ask(`Bearer ${ann({ rooms: ['other'] })}`), 'NOT_PERMITTED');
    stub.close();
  });

  it('takes one with the line end of its file, and refuses other characters, which it shows to nobody', async () => {
    await using gateway = await start();
    const readFromFile = gateway.client({ token: `${ann()}\n` });
    await readFromFile.publish('lines', { type: 'comment', payload: 'x' });
    await assert.rejects(readFromFile.room('nowhere'), { reason: 'ROOM_UNKNOWN' });
    await assert.rejects(readFromFile.pull('nowhere').next(), { reason: 'ROOM_UNKNOWN' });
    const wrong = `${ann()}é`;
    const client = gateway.client({ token: wrong });
    const refused = (error: unknown): boolean =>
      error instanceof LiveError && error.reason === 'TOKEN_INVALID' && !error.message.includes(wrong);
    await assert.rejects(client.room('r'), refused);
    await assert.rejects(client.pull('r').next(), refused);
    await assert.rejects(client.publish('r', { type: 'comment', payload: 'x' }), refused);
  });

  it('shows nothing of a room that may not be watched, by whichever call', async () => {
    await using gateway = await start();
    await gateway.client({ token: ann() }).publish('secret', { type: 'comment', payload: 'x' });
    const client = gateway.client({ token: ann({ rooms: ['open-*'] }) });
    const refused = { reason: 'NOT_PERMITTED', codeName: 'PERMISSION_DENIED' };
    await assert.rejects(client.room('secret'), refused);
    await assert.rejects(client.pull('secret').next(), refused);
    await assert.rejects(client.join('secret')[Symbol.asyncIterator]().next(), refused);
  });

  it('publishes in the name of the token’s user', async () => {
    await using gateway = await start();
    const client = gateway.client({ token: ann({ roles: ['publisher'] }) });
    await client.publish('names', { type: 'gift', payload: 'rose' });
    await assert.rejects(client.publish('names', { type: 'gift', payload: 'x', sender: 'bob' }), {
      reason: 'NOT_PERMITTED',
    });
    for await (const event of client.pull('names'))
      if (event.kind === 'message') assert.equal(event.message.sender, 'ann');
  });

  for (const transport of transports)
    describe(`and whose time passes, by ${transport.name}`, () => {
      let clock: SkippingClock;
      let gateway: TestGateway;
      let producer: StockProducer;

      beforeEach(async () => {
        clock = new SkippingClock();
        // WebSockets are pinged by the gateway's clock: when minutes pass in no time, no answer can be in time.
        const keepalive = { timeMs: 3_600_000, timeoutMs: 3_600_000 };
        gateway = await startTestGateway(
          nats.url,
          { jwtSecretFile: secretFile },
          { clock, keepalive },
          transport,
        );
        producer = await StockProducer.connect(nats.url);
      });

      afterEach(async () => {
        await producer[Symbol.asyncDispose]();
        await gateway.close();
      });

      /** A room of this transport's tests alone. */
      const roomOf = (name: string): string => `${name}-${transport.name}`;

      /** One that lasts five minutes of the gateway's. */
      const lasting = (claims: Claims = {}): string =>
        ann({ exp: Math.floor(clock.wallMs() / 1_000) + 300, ...claims });

      /** Watches a room from the beginning; what has come of it. */
      function watch(client: LiveClient, room: string): string[] {
        const got: string[] = [];
        void (async () => {
          for await (const event of client.join(room, { from: 'earliest' }))
            if (event.kind === 'message') got.push(textOf(event.message.payload));
        })();
        return got;
      }

      it('asks for a new token in time: nothing is interrupted, nothing missed', async () => {
        let made = 0;
        const client = gateway.client({ token: () => lasting({ jti: `${++made}` }) });
        const got = watch(client, roomOf('renewed'));
        await producer.burst(roomOf('renewed'), ['0']);
        await until('the first has come', () => got.length === 1);
        for (let renewals = 1; renewals <= 3; renewals++) {
          clock.skip(241_000);
          await until('another token is used', () => gateway.stats.tokensVerified === renewals + 1);
          await producer.burst(roomOf('renewed'), [String(renewals)]);
        }
        await until('all have come', () => got.length === 4);
        assert.deepEqual(got, ['0', '1', '2', '3']);
        assert.deepEqual([made, client.counters.connects], [4, 1]);
      });

      it('ends the stream of an expired token; who gets another resumes, and misses nothing', async () => {
        let signedIn = true;
        let asked = 0;
        const client = gateway.client({
          backoff: { baseMs: 20, maxMs: 20 },
          token: () => {
            asked += 1;
            if (signedIn) return lasting();
            throw new Error('signed out');
          },
        });
        const causes: string[] = [];
        client.on('state', (state) => {
          if (state.kind === 'backoff') causes.push(state.cause.reason);
        });
        const got = watch(client, roomOf('expired'));
        await producer.burst(roomOf('expired'), ['1']);
        await until('the first has come', () => got.length === 1);
        signedIn = false;
        clock.skip(300_000);
        await until('another is asked for', () => asked === 2);
        assert.equal(causes.length, 0, 'there is a time of grace');
        clock.skip(30_000);
        await until('the stream has ended', () => causes.includes('TOKEN_EXPIRED'));
        await producer.burst(roomOf('expired'), ['2', '3']);
        signedIn = true;
        await until('all have come', () => got.length === 3);
        assert.deepEqual(got, ['1', '2', '3']);
      });

      it('ends for good with a fixed token that has expired', async () => {
        const client = gateway.client({ token: lasting() });
        const events = client.join(roomOf('fixed'))[Symbol.asyncIterator]();
        await events.next();
        clock.skip(330_000);
        await assert.rejects(
          async () => {
            while (!(await events.next()).done);
          },
          { reason: 'TOKEN_EXPIRED' },
        );
      });
    });

  it('says what is wrong with its keys when it starts', async () => {
    const short = join(directory.path, 'short');
    await writeFile(short, 'secret');
    for (const [args, says] of [
      [['--jwt-secret-file', short], /--jwt-secret-file: .*can be guessed/],
      [
        ['--jwt-secret-file', '/does/not/exist'],
        /--jwt-secret-file: \/does\/not\/exist cannot be used: ENOENT/,
      ],
      [['--jwt-public-key', short], /--jwt-public-key: .*cannot be used/],
    ] as const) {
      await using server = new ServerProcess(['--nats', nats.url, '--listen', '127.0.0.1:0', ...args]);
      assert.equal(await server.exit(), 3);
      assert.match(server.stderr, says);
    }
  });

  it('says in one line whether viewers are authenticated; with workers, too', async () => {
    for (const workers of ['1', '2']) {
      await using server = await ServerProcess.start(
        nats.url,
        '--jwt-secret-file',
        secretFile,
        '--workers',
        workers,
      );
      const address = await server.address();
      assert.ok(server.log.some(({ msg }) => msg === 'viewers are authenticated by their tokens'));
      const stub = new LiveStub(address, credentials.createInsecure());
      const error = await new Promise<ServiceError | null>((resolve) => stub.getRoom({ room: 'r' }, resolve));
      assert.equal(error?.metadata.get('live-reason')[0], 'TOKEN_MISSING');
      stub.close();
      assert.ok(!server.stdout.includes(SECRET));
    }
    await using open = await ServerProcess.start(nats.url);
    await until('it says so', () =>
      open.log.some(({ msg }) => String(msg).startsWith('viewers are not authenticated')),
    );
  });

  describe('with a key set', () => {
    let issuer: Server;
    let url: string;
    let keys: Signer[];
    let asked = 0;

    beforeEach(async () => {
      keys = [newSigner('ES256')];
      asked = 0;
      issuer = createServer((_, response) => {
        asked += 1;
        response.end(JSON.stringify({ keys: keys.map(jwkOf) }));
      }).listen(0, '127.0.0.1');
      await once(issuer, 'listening');
      url = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/keys`;
    });

    afterEach(() => {
      issuer.close();
      issuer.closeAllConnections();
    });

    const startWith = (): Promise<TestGateway> => startTestGateway(nats.url, { jwksUrl: url });
    const signed = (by: Signer): string => token({ sub: 'ann', exp: inSeconds(600) }, by);
    const enters = async (gateway: TestGateway, by: Signer): Promise<string> => {
      const asking = gateway.client({ token: signed(by) });
      return asking.room('nowhere').then(
        () => 'OK',
        (error: unknown) => (error instanceof LiveError ? error.reason : String(error)),
      );
    };

    it('takes new keys as soon as they are used, and looks no oftener than it should', async () => {
      await using gateway = await startWith();
      const [first] = keys as [Signer];
      assert.equal(await enters(gateway, first), 'ROOM_UNKNOWN');
      assert.equal(asked, 1);
      const foreign = newSigner('ES256');
      for (let i = 0; i < 5; i++) assert.equal(await enters(gateway, foreign), 'TOKEN_INVALID');
      assert.equal(asked, 1, 'who names keys that do not exist does not make it ask each time');
    });

    it('lets in by the keys that it knows while the issuer is away', async () => {
      await using gateway = await startWith();
      const [first] = keys as [Signer];
      issuer.close();
      issuer.closeAllConnections();
      assert.equal(await enters(gateway, first), 'ROOM_UNKNOWN');
      assert.equal(await enters(gateway, newSigner('RS256')), 'TOKEN_INVALID');
    });

    it('says that it cannot know while it never had any, and lets in when it has', async () => {
      const [first] = keys as [Signer];
      keys = [];
      await using gateway = await startWith();
      assert.equal(await enters(gateway, first), 'AUTHENTICATION_UNAVAILABLE');
      keys = [first];
      await until('the keys are there', async () => (await enters(gateway, first)) === 'ROOM_UNKNOWN');
    });

    it('does nothing for who is gone before it is known who that was, and takes it for no fault', async () => {
      const [first] = keys as [Signer];
      keys = [];
      await using gateway = await startWith();
      const held: ServerResponse[] = [];
      issuer
        .removeAllListeners('request')
        .on('request', (_, response: ServerResponse) => held.push(response));
      await until('the keys are asked for again', () => held.length > 0);
      const stub = new LiveStub(gateway.address, credentials.createInsecure());
      const roundTrip = (metadata = new Metadata()): Promise<unknown> =>
        new Promise((resolve) => stub.getRoom({ room: 'r' }, metadata, resolve));
      const metadata = new Metadata();
      metadata.set('authorization', `Bearer ${signed(first)}`);
      const pull = stub.pull({ room: 'r', start: { earliest: {} } }, metadata).on('error', () => undefined);
      await roundTrip();
      pull.cancel();
      await roundTrip();
      const judged = roundTrip(metadata);
      for (const response of held) response.end(JSON.stringify({ keys: [jwkOf(first)] }));
      await judged;
      assert.deepEqual([...gateway.stats.refused.keys()].sort(), ['ROOM_UNKNOWN', 'TOKEN_MISSING']);
      stub.close();
    });

    it('takes a token that does not say by which of several keys it is signed', async () => {
      keys = [newSigner('ES256'), newSigner('ES256'), newSigner('RS256')];
      await using gateway = await startWith();
      const nameless = { ...(keys[1] as Signer), kid: undefined as never };
      assert.equal(await enters(gateway, nameless), 'ROOM_UNKNOWN');
      const foreign = { ...newSigner('ES256'), kid: undefined as never };
      assert.equal(await enters(gateway, foreign), 'TOKEN_INVALID');
    });
  });
});
