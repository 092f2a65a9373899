import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { headers } from 'nats';
import type { LiveClient, OutgoingMessage, RoomState } from '../../client/index.ts';
import { LiveError } from '../../client/index.ts';
import type { ServerConfig } from '../../server/config/config.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { textOf } from '../helpers/text.ts';
import { inSeconds, SECRET, token } from '../helpers/tokens.ts';
import { transports } from '../helpers/transports.ts';
import { Witness } from '../helpers/witness.ts';

const tokenOf = (user: string, role: string): string =>
  token({ sub: user, exp: inSeconds(600), roles: [role] });

/** What a witness was told of the state of its room, the last time. */
const stateOf = ({ subscription }: Witness): RoomState | undefined => subscription.state;

/** The kinds of what it was told, audiences apart. */
const kindsOf = ({ events }: Witness): string[] =>
  events.map(({ kind }) => kind).filter((kind) => kind !== 'audience');

describe('Reliable: the state of a room', () => {
  let nats: TestNats;
  let producer: StockProducer;
  let directory: TempDir;
  let secretFile: string;

  before(async () => {
    directory = await tempDir();
    secretFile = join(directory.path, 'secret');
    await writeFile(secretFile, SECRET);
  });

  after(() => directory[Symbol.asyncDispose]());

  beforeEach(async () => {
    nats = await startNats();
    producer = await StockProducer.connect(nats.url);
  });

  afterEach(async () => {
    await producer.close();
    await nats.stop();
  });

  const start = (overrides: Partial<ServerConfig> = {}): Promise<TestGateway> =>
    startTestGateway(nats.url, { roomState: true, ...overrides });

  const command = (type: string, fields?: object): Promise<number> => {
    const hdrs = headers();
    hdrs.set('Live-Type', type);
    return producer.publish('r', fields === undefined ? '' : JSON.stringify(fields), hdrs);
  };

  const send = (client: LiveClient, message: Omit<OutgoingMessage, 'payload'>): Promise<string> =>
    client.publish('r', { payload: Buffer.from(''), ...message }).then(
      () => 'OK',
      (error: unknown) => (error instanceof LiveError ? error.reason : String(error)),
    );

  it('is told before the first message, as it is at the head, and the messages come behind it', async () => {
    await using gateway = await start();
    const closed = await command('stream_switch', { url: 'a' });
    await command('stream_switch', { url: 'b' });
    await command('mute_all', { for_ms: 60_000 });
    await command('set_state', { score: { home: 1 }, gone: 1 });
    const last = await command('set_state', { gone: null });
    const viewer = new Witness(gateway.client(), 'r', { from: 'earliest' });
    await viewer.caughtUp();
    assert.deepEqual(kindsOf(viewer).slice(0, 3), ['joined', 'room-state', 'message']);
    const state = stateOf(viewer);
    assert.equal(Number(state?.seq), last);
    assert.equal(Number(state?.stream?.seq), closed + 1);
    assert.equal(textOf(state?.stream?.payload ?? new Uint8Array()), '{"url":"b"}');
    assert.equal(state?.closed, undefined);
    assert.ok((state?.muted?.untilMs ?? 0) > Date.now());
    assert.deepEqual(state?.values, { score: { home: 1 } });
    assert.equal(viewer.messages.length, 5);
  });

  it('is told again behind the command that changes it, and not for other messages', async () => {
    await using gateway = await start();
    const viewer = new Witness(gateway.client(), 'r');
    await viewer.caughtUp();
    await producer.publish('r', 'a gift');
    await command('question', { text: 'who wins?' });
    await until('the question is told', () => stateOf(viewer)?.question !== undefined);
    await command('question_closed');
    await until('its end is told', () => stateOf(viewer)?.question === undefined);
    assert.deepEqual(kindsOf(viewer), [
      'joined',
      'room-state',
      'caught-up',
      'message',
      'message',
      'room-state',
      'message',
      'room-state',
    ]);
  });

  it('outlives gateways, the messages that made it, and NATS being started again', async () => {
    {
      await using gateway = await start();
      const viewer = new Witness(gateway.client(), 'r');
      await viewer.caughtUp();
      await command('pin', { text: 'welcome' });
      await until('it is pinned', () => stateOf(viewer)?.pinned !== undefined);
      await until('a snapshot is stored', async () => {
        const { state } = await producer.jsm.streams.info('KV_LIVE_rooms');
        return state.messages === 1;
      });
    }
    // Nobody keeps a state while it comes and goes.
    await command('unpin');
    await producer.jsm.streams.purge('LIVE');
    await nats.restart();
    await producer.isBack();
    await using gateway = await start();
    const viewer = new Witness(gateway.client(), 'r');
    await viewer.caughtUp();
    assert.equal(textOf(stateOf(viewer)?.pinned?.payload ?? new Uint8Array()), '{"text":"welcome"}');
    assert.equal(stateOf(viewer)?.uncertain, true, 'a command has gone that nobody has seen');
  });

  it('is the same at every gateway, whoever comes when', async () => {
    await using first = await start();
    await using second = await start();
    const early = new Witness(first.client(), 'r');
    await early.caughtUp();
    for (let n = 0; n < 20; n++) await command('set_state', { [`k${n % 7}`]: n });
    await command('mute_all');
    const late = new Witness(second.client(), 'r');
    await late.caughtUp();
    await until('both know that it is muted', () =>
      [early, late].every((viewer) => stateOf(viewer)?.muted !== undefined),
    );
    assert.deepEqual(stateOf(late), stateOf(early));
  });

  it('is made without reading the log when there is a snapshot', async () => {
    {
      await using gateway = await start();
      await producer.burst(
        'r',
        Array.from({ length: 3_000 }, (_, n) => `gift ${n}`),
      );
      const viewer = new Witness(gateway.client(), 'r');
      await viewer.caughtUp();
      await until('a snapshot is stored', async () => {
        const { state } = await producer.jsm.streams.info('KV_LIVE_rooms');
        return state.messages === 1;
      });
    }
    await using gateway = await start();
    const before = gateway.stats.historyReads;
    const viewers = Array.from({ length: 50 }, () => new Witness(gateway.client(), 'r'));
    await Promise.all(viewers.map((viewer) => viewer.caughtUp()));
    assert.ok(viewers.every((viewer) => stateOf(viewer) !== undefined));
    assert.equal(gateway.stats.historyReads - before, 0);
  });

  it('means nothing where it is off: nobody is told, nothing is stored', async () => {
    await using gateway = await start({ roomState: false });
    await command('room_closed');
    const viewer = new Witness(gateway.client(), 'r', { from: 'earliest' });
    await viewer.caughtUp();
    await command('mute_all');
    await viewer.has(2);
    assert.deepEqual(kindsOf(viewer), ['joined', 'message', 'caught-up', 'message']);
    await assert.rejects(producer.jsm.streams.info('KV_LIVE_rooms'));
  });

  describe('a room that is muted', () => {
    it('takes comments of hosts only, gifts of everybody, until it is not muted any more', async () => {
      await using gateway = await start({ jwtSecretFile: secretFile });
      const host = gateway.client({ token: tokenOf('host', 'moderator') });
      const viewer = gateway.client({ token: tokenOf('ann', 'publisher') });
      assert.equal(await send(viewer, { type: 'mute_all' }), 'NOT_PERMITTED');
      assert.equal(await send(host, { type: 'mute_all' }), 'OK');
      await until(
        'comments are refused',
        async () => (await send(viewer, { type: 'comment' })) === 'ROOM_MUTED',
      );
      assert.equal(await send(viewer, { type: 'gift' }), 'OK');
      assert.equal(await send(host, { type: 'comment' }), 'OK');
      assert.equal(await send(host, { type: 'unmute_all' }), 'OK');
      await until('comments are taken', async () => (await send(viewer, { type: 'comment' })) === 'OK');
    });

    it('is not muted any more when its time is over', async () => {
      await using gateway = await start({ jwtSecretFile: secretFile });
      const viewer = gateway.client({ token: tokenOf('ann', 'viewer') });
      await command('mute_all', { for_ms: 1_500 });
      assert.equal(await send(viewer, { type: 'comment' }), 'ROOM_MUTED');
      await until('comments are taken', async () => (await send(viewer, { type: 'comment' })) === 'OK');
    });

    it('may have muted one user only', async () => {
      await using gateway = await start({ jwtSecretFile: secretFile });
      const host = gateway.client({ token: tokenOf('host', 'moderator') });
      const ann = gateway.client({ token: tokenOf('ann', 'viewer') });
      const bob = gateway.client({ token: tokenOf('bob', 'viewer') });
      const payload = Buffer.from(JSON.stringify({ user: 'ann' }));
      assert.equal(await host.publish('r', { type: 'mute_user', payload }).then(() => 'OK'), 'OK');
      await until('she is muted', async () => (await send(ann, { type: 'comment' })) === 'USER_MUTED');
      assert.equal(await send(bob, { type: 'comment' }), 'OK');
      assert.equal(await send(host, { type: 'mute_user' }), 'MESSAGE_INVALID');
    });
  });

  for (const transport of transports) {
    describe(`a room that is closed, by ${transport.name}`, () => {
      const open = (): Promise<TestGateway> =>
        startTestGateway(nats.url, { roomState: true, ...transport.config }, {}, transport);

      it('says goodbye to its viewers behind the message, and shows its history to who comes', async () => {
        await using gateway = await open();
        const viewer = new Witness(gateway.client(), 'r');
        await viewer.caughtUp();
        await producer.publish('r', 'a gift');
        await command('room_closed', { reason: 'the show is over' });
        await until('it is told', () => viewer.error !== undefined);
        assert.deepEqual(kindsOf(viewer).slice(-3), ['message', 'message', 'room-state']);
        assert.equal(viewer.error?.reason, 'ROOM_CLOSED');
        assert.match(viewer.error.message, /the show is over/);
        const late = new Witness(gateway.client(), 'r', { from: 'earliest' });
        await until('it is told', () => late.error !== undefined);
        assert.deepEqual(kindsOf(late), ['joined', 'room-state', 'message', 'message', 'caught-up']);
        assert.equal(late.error?.reason, 'ROOM_CLOSED');
      });

      it('gives who was away what was missed, then says goodbye; who has had everything is not let in', async () => {
        await using gateway = await open();
        const before = new Witness(gateway.client(), 'r');
        await before.caughtUp();
        await producer.publish('r', 'a');
        await before.has(1);
        const { cursor } = before.subscription;
        before.subscription.leave();
        await producer.publish('r', 'b');
        await command('room_closed');
        assert.ok(cursor);
        const back = new Witness(gateway.client(), 'r', { from: { cursor } });
        await until('it is told', () => back.error !== undefined);
        assert.deepEqual(kindsOf(back), ['joined', 'room-state', 'message', 'message', 'caught-up']);
        const again = new Witness(gateway.client(), 'r', {
          from: { cursor: back.subscription.cursor ?? cursor },
        });
        await until('it is told', () => again.error !== undefined);
        assert.deepEqual(kindsOf(again), []);
        assert.equal(again.error?.reason, 'ROOM_CLOSED');
      });

      it('takes nothing until it is opened again', async () => {
        await using gateway = await open();
        const client = gateway.client();
        await command('room_closed');
        assert.equal(await send(client, { type: 'gift' }), 'ROOM_CLOSED');
        assert.equal(await send(client, { type: 'comment' }), 'ROOM_CLOSED');
        assert.equal(await send(client, { type: 'room_opened' }), 'OK');
        await until('it takes gifts', async () => (await send(client, { type: 'gift' })) === 'OK');
        const viewer = new Witness(client, 'r');
        await viewer.caughtUp();
        assert.equal(stateOf(viewer)?.closed, undefined);
      });
    });
  }

  it('bans users from one room, at once and for as long as it says', async () => {
    await using gateway = await start({ jwtSecretFile: secretFile });
    const ann = gateway.client({ token: tokenOf('ann', 'publisher') });
    const watching = new Witness(ann, 'r');
    await watching.caughtUp();
    const elsewhere = new Witness(ann, 'other');
    await elsewhere.caughtUp();
    await command('ban_user', { user: 'ann', reason: 'spam', for_ms: 2_000 });
    await until('she is told', () => watching.error !== undefined);
    assert.equal(watching.error?.reason, 'USER_BANNED');
    assert.match(watching.error.message, /until .*: spam/);
    assert.equal(await send(ann, { type: 'gift' }), 'USER_BANNED');
    assert.equal(elsewhere.error, undefined);
    await until('she is let in', async () => {
      const viewer = new Witness(ann, 'r');
      await until('it is decided', () => viewer.live || viewer.error !== undefined);
      const { live } = viewer;
      viewer.subscription.leave();
      return live;
    });
  });
});
