import assert from 'node:assert/strict';
import { operator } from '../../chaos/run/backend/nats-configuration.ts';
import { NatsLinks } from '../../chaos/run/backend/nats-links.ts';
import { NatsServers } from '../../chaos/run/backend/nats-servers.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { until } from '../helpers/poll.ts';
import { RawStream } from '../helpers/raw-stream.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

/** What a gateway with one room has: a subscription for answers, acknowledgements, reads and news of other gateways each, and two of the room. */
const ALL = 6;

/** Where answers, acknowledgements and reads come. */
const INBOXES = '_INBOX.>';

describe('Reliable, Truthful: what NATS does not let the gateway hear for a while', () => {
  let directory: TempDir;
  let servers: NatsServers;
  let links: NatsLinks;
  let gateway: TestGateway;
  let neighbour: TestGateway;
  let producer: StockProducer;
  let viewer: RawStream;

  beforeEach(async () => {
    directory = await tempDir();
    servers = await NatsServers.start(directory.path, 1);
    links = await NatsLinks.open(1, servers.ports);
    const [direct = ''] = servers.urls;
    gateway = await startTestGateway(links.urlsOf(0).join(), { heartbeatMs: 500 });
    neighbour = await startTestGateway(direct, { heartbeatMs: 500 });
    producer = await StockProducer.connect(direct, 'LIVE', operator);
    viewer = RawStream.hello(gateway.address);
  });

  afterEach(async () => {
    viewer.close();
    await producer.close();
    await neighbour.close();
    await gateway.close();
    await links.close();
    await servers.close();
    await directory[Symbol.asyncDispose]();
  });

  const isThere = (payload: string) => until(`${payload} is there`, () => viewer.reliable.includes(payload));
  const causes = (): readonly string[] => gateway.stats.upstreamCauses;

  async function isWatched(): Promise<void> {
    viewer.send({ join: { room: 'tea', start: { live: {} } } });
    await viewer.next('caughtUp');
    await producer.publish('tea', 'before');
    await isThere('before');
  }

  /** Whatever is stored is delivered, what is published is acknowledged, other gateways are heard, and nothing else is told. */
  async function isWell(): Promise<void> {
    await producer.publish('tea', 'after');
    await isThere('after');
    const request = { room: 'tea', type: 'gift', payload: Buffer.from('published') };
    viewer.send({ publish: { requestId: 1, request } });
    await isThere('published');
    assert.equal((await viewer.result()).outcome, 'published');
    await until('all is well', () => causes().length === 0);
    using another = RawStream.hello(neighbour.address);
    another.send({ join: { room: 'tea', start: { live: {} } } });
    await until('the other gateway is heard', () => {
      const told = viewer.all('heartbeat').at(-1);
      return told?.rooms.some(({ audience }) => audience === 2) === true;
    });
  }

  for (let limit = 1; limit < ALL; limit++)
    it(`with ${limit} of ${ALL} after a reconnect: all is heard again when there is room`, async () => {
      await isWatched();
      await servers.restrict({ maxSubscriptions: limit });
      links.cut();
      await until('it is told that something is missing', () =>
        causes().some((cause) => cause !== 'NATS_UNREACHABLE'),
      );
      await producer.publish('tea', 'meanwhile');
      await servers.restrict({});
      await isWell();
    });

  for (const noSubscribe of [[INBOXES], ['live.gateways'], [INBOXES, 'live.>']])
    it(`without permission for ${noSubscribe.join(' and ')}: all is heard again when it is given back`, async () => {
      await isWatched();
      await servers.restrict({ noSubscribe });
      await producer.publish('tea', 'meanwhile');
      if (noSubscribe.includes(INBOXES))
        await until('it is told that nothing is answered', () => causes().length > 0);
      await servers.restrict({});
      await isWell();
    });
});
