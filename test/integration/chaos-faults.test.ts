import assert from 'node:assert/strict';
import type { JetStreamClient, JetStreamManager, NatsConnection } from 'nats';
import { connect, Events } from 'nats';
import type { Restrictions } from '../../chaos/run/backend/nats-configuration.ts';
import { NatsLinks } from '../../chaos/run/backend/nats-links.ts';
import { NatsServers } from '../../chaos/run/backend/nats-servers.ts';
import { StreamAdmin } from '../../chaos/run/backend/stream-admin.ts';
import { stall } from '../../chaos/links/faults/stall.ts';
import { streamConfig } from '../../server/nats/stream/stream.ts';
import { Subjects } from '../../server/nats/connection/subjects.ts';
import { until } from '../helpers/poll.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const MEBIBYTE = 1024 * 1024;

for (const count of [1, 3]) {
  describe(`what chaos does to ${count === 1 ? 'a nats-server' : 'a NATS cluster'}`, () => {
    let directory: TempDir;
    let servers: NatsServers;
    let links: NatsLinks;
    let admin: StreamAdmin;
    /** As a gateway is connected: by the links, without a name. */
    let gateway: NatsConnection;
    let js: JetStreamClient;
    let manager: JetStreamManager;

    before(async () => {
      directory = await tempDir();
      servers = await NatsServers.start(directory.path, count);
      links = await NatsLinks.open(1, servers.ports);
      admin = await StreamAdmin.connect(servers.urls);
      // A server that takes no more connections leaves who asks without an answer.
      const persistent = { maxReconnectAttempts: -1, reconnectTimeWait: 50, timeout: 1_000 };
      gateway = await connect({ servers: links.urlsOf(0), ...persistent });
      js = gateway.jetstream({ timeout: 5_000 });
      manager = await gateway.jetstreamManager({ checkAPI: false, timeout: 5_000 });
      const limits = { maxAgeMs: 3_600_000, maxBytes: 1024 * MEBIBYTE };
      const subjects = new Subjects('live');
      const wanted = streamConfig({ settings: { stream: 'LIVE', replicas: count, ...limits }, subjects });
      // A cluster that has just come up may not know all of its servers yet.
      await until('the stream is there', () => manager.streams.add(wanted));
    });

    after(async () => {
      await gateway.close();
      await admin.close();
      await links.close();
      await servers.close();
      await directory[Symbol.asyncDispose]();
    });

    afterEach(() => servers.restrict({}));

    const publish = async (): Promise<number> => (await js.publish('live.room.demo', 'hello')).seq;
    const consume = (): Promise<unknown> =>
      manager.consumers.add('LIVE', { name: `c${Math.random().toString(36).slice(2)}`, mem_storage: true });
    const read = (): Promise<unknown> =>
      manager.streams.getMessage('LIVE', { last_by_subj: 'live.room.demo' });

    /** Whether the feed of the room tells of what is stored. */
    async function hears(): Promise<boolean> {
      const subscription = gateway.subscribe('live.feed.demo', { max: 1 });
      await gateway.flush();
      await publish();
      await gateway.flush();
      const heard = subscription.getReceived() > 0;
      subscription.unsubscribe();
      return heard;
    }

    async function isRefused(ask: () => Promise<unknown>, reason: RegExp): Promise<void> {
      await assert.rejects(ask, reason);
    }

    const lost: Record<string, [Restrictions, () => Promise<void>, () => Promise<unknown>]> = {
      'the right to create consumers': [
        { noPublish: ['$JS.API.CONSUMER.CREATE.>', '$JS.API.CONSUMER.DURABLE.CREATE.>'] },
        () => isRefused(consume, /Permissions Violation/),
        consume,
      ],
      'the right to read': [
        { noPublish: ['$JS.API.STREAM.MSG.GET.LIVE'] },
        () => isRefused(read, /Permissions Violation/),
        read,
      ],
      'the right to publish': [
        { noPublish: ['live.room.>'] },
        () => isRefused(publish, /Permissions Violation/),
        publish,
      ],
      'the right to listen': [
        { noSubscribe: ['live.feed.>'] },
        async () => assert.equal(await hears(), false),
        async () => until('the feed is heard again', hears),
      ],
      'space for messages': [
        { maxStoreBytes: 1 },
        () => isRefused(publish, /resource limits exceeded/),
        publish,
      ],
    };

    for (const [what, [restrictions, strikes, works]] of Object.entries(lost)) {
      it(`takes ${what}, and gives it back to the connections there are`, async () => {
        await publish();
        await works();
        await servers.restrict(restrictions);
        await strikes();
        await servers.restrict({});
        await works();
      });
    }

    it('takes subscriptions and connections from who connects anew', async () => {
      await servers.restrict({ maxSubscriptions: 1 });
      const limited = await connect({ servers: [...servers.urls] });
      const told: string[] = [];
      void (async () => {
        for await (const { type } of limited.status()) told.push(type);
      })();
      for (const subject of ['a', 'b']) limited.subscribe(subject);
      await until('the second subscription is refused', () => told.includes(Events.Error));
      await limited.close();
      await servers.restrict({ maxConnections: 1 }, [0]);
      await assert.rejects(
        Promise.all(
          ['first', 'second'].map(() => connect({ servers: [servers.urls[0] ?? ''], timeout: 2_000 })),
        ),
      );
      await servers.restrict({});
      await until('the gateway is served again', () => publish().then(Boolean, () => false));
    });

    it('stores messages as large as NATS takes them', async () => {
      const seq = await admin.storeLargest('demo', 'large');
      const { header, data } = await manager.streams.getMessage('LIVE', { seq });
      const headerBytes = Buffer.byteLength(
        `NATS/1.0\r\n${[...header].map(([name, [value]]) => `${name}: ${value}\r\n`).join('')}\r\n`,
      );
      assert.equal(headerBytes + data.length, MEBIBYTE);
      assert.equal(header.get('Nats-Msg-Id'), 'large');
    });

    it('brings a stream back from a backup with all that it held', async () => {
      await publish();
      const before = await manager.streams.info('LIVE');
      const backup = await admin.backUp();
      await admin.remove();
      // In a cluster not all servers know it at the same moment: an answer may be missing until they do.
      await until('nobody takes messages', () =>
        publish().then(
          () => false,
          (error: unknown) => /503|no responders/i.test(String(error)),
        ),
      );
      await admin.restore(backup);
      // One message, whatever becomes of the answers.
      const again = (): Promise<unknown> => js.publish('live.room.demo', 'again', { msgID: 'again' });
      await until('the stream takes messages', () => again().then(Boolean, () => false));
      const after = await manager.streams.info('LIVE');
      assert.equal(after.state.first_seq, before.state.first_seq);
      assert.equal(after.state.last_seq, before.state.last_seq + 1);
      assert.deepEqual(after.config.republish, before.config.republish);
    });

    it('brings a stream back though an attempt before has done so, and nobody heard of it', async () => {
      await publish();
      const before = await manager.streams.info('LIVE');
      const backup = await admin.backUp();
      await publish();
      await admin.restore(backup);
      assert.equal((await manager.streams.info('LIVE')).state.last_seq, before.state.last_seq);
    });

    it('holds back what is on its way, and lets it pass', async () => {
      const stalled = links.apply([stall]);
      let answered = false;
      const answer = publish().then(() => (answered = true));
      await admin.firstSeq();
      assert.equal(answered, false);
      stalled.lift();
      assert.equal(await answer, true);
    });
  });
}
