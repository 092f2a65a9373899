import assert from 'node:assert/strict';
import { latency } from '../../chaos/links/faults/latency.ts';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import { systemClock } from '../../common/clock.ts';
import { seededRandom } from '../../common/random.ts';
import { ViewerCounts } from '../../server/cluster/viewer-counts.ts';
import type { RoomEvent } from '../../server/room/event.ts';
import { Hub } from '../../server/room/hub.ts';
import type { HistoryRead, StreamState } from '../../server/log/evidence.ts';
import type { NatsConnection } from '../../server/nats/connection/connection.ts';
import { openAccess } from '../../server/nats/access/access.ts';
import { connectNats } from '../../server/nats/connection/connection.ts';
import { Feeds } from '../../server/nats/feed/feeds.ts';
import { JetStreamApi } from '../../server/nats/connection/jetstream-api.ts';
import { StreamLeader } from '../../server/nats/stream/leader.ts';
import { Requests } from '../../server/nats/connection/requests.ts';
import { Subjects } from '../../server/nats/connection/subjects.ts';
import { NatsUpstream } from '../../server/nats/upstream.ts';
import { UpstreamHealth } from '../../server/nats/health/upstream-health.ts';
import { createLogger } from '../../server/observability/logging.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { NatsFilter } from '../helpers/nats-filter.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { StockProducer } from '../helpers/stock-producer.ts';

/** A leader before which something happens to the stream when it is asked for its range. */
class InTheMeantime extends StreamLeader {
  /** Gets how often it has been asked for. */
  happens: (asked: number) => Promise<void> = () => Promise.resolve();
  asked = 0;

  override async state(): Promise<StreamState> {
    await this.happens(++this.asked);
    return super.state();
  }
}

describe('Reliable: a read of history', () => {
  let nats: TestNats;
  let proxy: FaultProxy;
  let filter: NatsFilter;
  let producer: StockProducer;
  let connection: NatsConnection;
  let leader: InTheMeantime;
  let serial: SerialRequests;
  let feeds: Feeds;
  let upstream: NatsUpstream;

  before(async () => {
    nats = await startNats();
  });

  beforeEach(async () => {
    // Creates the stream.
    await (await startTestGateway(nats.url)).close();
    producer = await StockProducer.connect(nats.url);
    proxy = await FaultProxy.listen({ host: '127.0.0.1', port: nats.port });
    filter = new NatsFilter();
    proxy.applyAll(filter);
    const logger = createLogger('silent');
    connection = await connectNats(openAccess([proxy.address]), 'reader', systemClock, logger);
    serial = new SerialRequests(connection.nc);
    const api = new JetStreamApi(new Requests(connection, systemClock));
    const subjects = new Subjects();
    const { created } = await producer.jsm.streams.info('LIVE');
    leader = new InTheMeantime(api, 'LIVE', subjects, created);
    const dependencies = { connection, subjects, clock: systemClock, logger };
    const health = new UpstreamHealth(logger);
    feeds = new Feeds(dependencies, health);
    upstream = new NatsUpstream(connection, leader, feeds, health, systemClock, logger);
  });

  afterEach(async () => {
    feeds.close();
    upstream.close();
    await leader.close();
    await producer.hasNoConsumer();
    await connection.close();
    await proxy.close();
    await producer.deleteStream();
    await producer.close();
  });

  after(async () => {
    await nats.stop();
  });

  const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index + 1}`);

  /** Reads from `from` to the stream's end, page by page. */
  async function readAll(room: string, from: number): Promise<number[][]> {
    const pages: number[][] = [];
    for (let at = from; ;) {
      const { messages, upto, lastSeq } = await upstream.readHistory(room, at);
      pages.push(messages.map(({ seq }) => seq));
      if (upto >= lastSeq && messages.at(-1)?.seq !== upto) return pages;
      if (upto === (await leader.state()).lastSeq) return pages;
      at = upto;
    }
  }

  const seqs = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index);

  it('vouches only for what was still held when all had been read', async () => {
    await producer.burst('read', numbers(5));
    leader.happens = async (asked) => {
      if (asked === 2) await producer.jsm.streams.purge(producer.stream, { keep: 2 });
    };
    const { messages, firstSeq, upto } = await upstream.readHistory('read', 1);
    assert.deepEqual(
      messages.map(({ seq }) => seq),
      [4, 5],
    );
    assert.equal(firstSeq, 4);
    assert.equal(upto, 5);
  });

  it('goes on page by page, each with the message that the one before has ended with', async () => {
    await producer.burst('long', Array<string>(80).fill('x'.repeat(50_000)));
    await producer.publish('else');
    const pages = await readAll('long', 1);
    assert.ok(pages.length > 3, `${pages.length} pages`);
    assert.deepEqual(
      pages.flatMap((page, index) => (index === 0 ? page : page.slice(1))),
      seqs(1, 80),
    );
    for (const [index, page] of pages.entries()) {
      if (index > 0) assert.equal(page[0], pages[index - 1]?.at(-1));
    }
  });

  it('tells of a message at its beginning that was purged since the page before', async () => {
    await producer.burst('purged', Array<string>(50).fill('x'.repeat(50_000)));
    await producer.publish('else');
    await producer.burst('purged', Array<string>(50).fill('x'.repeat(50_000)));
    const { upto } = await upstream.readHistory('purged', 1);
    assert.ok(upto < 50);
    await producer.publish('first');
    await producer.jsm.streams.purge(producer.stream, { filter: 'live.room.purged', seq: 60 });
    const next = await upstream.readHistory('purged', upto);
    assert.equal(next.messages[0]?.seq, 60);
    assert.equal(next.fromHeldElsewhere, false);
  });

  it('keeps what has come before a message that was lost on its way, and reads on there', async () => {
    await producer.burst('holed', numbers(20));
    await producer.publish('else');
    const lost = filter.add({
      matches: (subject, frame) =>
        subject === 'live.room.holed' && frame.toString().endsWith('\r\n\r\n13\r\n'),
      action: { kind: 'drop' },
      times: 1,
    });
    const plain = filter.add({
      matches: (subject, frame) => subject === 'live.room.holed' && frame.toString().endsWith('\r\n13\r\n'),
      action: { kind: 'drop' },
      times: 1,
    });
    const pages = await readAll('holed', 1);
    assert.equal(lost.count + plain.count, 1);
    assert.deepEqual(pages, [seqs(1, 12), seqs(12, 20)]);
  });

  it('keeps what has come before the connection was lost', async () => {
    await producer.burst('cut', numbers(20));
    const stopped = filter.add({
      matches: (subject, frame) => subject === 'live.room.cut' && /\r\n1[3-9]\r\n$/.test(frame.toString()),
      action: { kind: 'drop' },
    });
    filter.add({
      matches: (subject, frame) => {
        const last = subject === 'live.room.cut' && frame.toString().endsWith('\r\n20\r\n');
        if (last) proxy.links.at(-1)?.finish('client');
        return last;
      },
      action: { kind: 'drop' },
      times: 1,
    });
    // What follows the twelfth never comes, and then the connection ends.
    const read = await upstream.readHistory('cut', 1);
    assert.equal(read.messages.at(-1)?.seq, 12);
    stopped.lift();
    assert.deepEqual(await readAll('cut', 12), [seqs(12, 20)]);
  });

  it('of the end alone does not fetch a large last message again', async () => {
    await producer.publish('large', 'x'.repeat(500_000));
    const { last } = await upstream.roomEnd('large');
    assert.equal(last?.bytes, 500_000);
    const before = proxy.bytes.down.forwarded;
    assert.deepEqual((await upstream.roomEnd('large', last)).last, last);
    assert.ok(proxy.bytes.down.forwarded - before < 20_000);
    const next = await producer.publish('large', 'small');
    assert.equal((await upstream.roomEnd('large', last)).last?.seq, next);
    await producer.jsm.streams.purge(producer.stream, { filter: 'live.room.large' });
    assert.equal((await upstream.roomEnd('large', last)).last, undefined);
  });

  it('leaves no consumer behind when nobody reads on', async () => {
    await producer.burst('left', Array<string>(50).fill('x'.repeat(50_000)));
    await upstream.readHistory('left', 1);
    assert.equal((await producer.consumers()).length, 1);
    await until('the consumer is gone', async () => (await producer.consumers()).length === 0);
  });

  it('is not begun once all is closed, not even if it has waited for its turn', async () => {
    await producer.burst('late', numbers(3));
    const others = Array.from({ length: 40 }, () => leader.info());
    const read = assert.rejects(upstream.readHistory('late', 1), /could not read history/);
    await leader.close();
    await Promise.all([read, ...others]);
    assert.deepEqual(await producer.consumers(), []);
  });

  it('has a part of the next page on its way before the page before is known to be good', async () => {
    await producer.burst('ahead', Array<string>(2_000).fill('x'.repeat(1_000)));
    let come = 0;
    filter.add({
      matches: (subject) => subject === 'live.room.ahead' && ++come < 0,
      action: { kind: 'drop' },
    });
    leader.happens = async (asked) => {
      if (asked === 2) await until('some of the next page come', () => come > 1_100);
    };
    const { messages } = await upstream.readHistory('ahead', 1);
    assert.ok(messages.length < 1_050, `${messages.length} messages in a page`);
    assert.equal(leader.asked, 2);
  });

  it('is not stopped by a consumer that the server has lost', async () => {
    await producer.burst('vanished', Array<string>(50).fill('x'.repeat(50_000)));
    const { upto } = await upstream.readHistory('vanished', 1);
    const [consumer] = await producer.consumers();
    await producer.jsm.consumers.delete(producer.stream, consumer!);
    // What had come of the next page is not lost with it.
    const next = await upstream.readHistory('vanished', upto).catch(() => undefined);
    const pages = await readAll('vanished', next?.upto ?? upto);
    assert.deepEqual([...new Set([...seqs(1, upto), ...seqsOf(next), ...pages.flat()])], seqs(1, 50));
  });

  it('takes four requests one after the other to open a room and bring its first viewer to the head', async () => {
    await producer.burst('cold', numbers(20));
    const { messages } = await upstream.readHistory('cold', 3);
    proxy.applyAll(latency({ delayMs: 50 }, seededRandom(1)));
    serial.take();
    const hub = new Hub(upstream, new ViewerCounts('g'), systemClock, LIMITS);
    const [message] = messages;
    assert.ok(message);
    const { seq, fingerprint } = message;
    const from = { kind: 'cursor', cursor: { epoch: leader.epoch, seq, fingerprint } } as const;
    const room = await hub.acquire('cold', { from });
    const events: RoomEvent[] = [];
    const subscription = room.join({ wake: () => undefined }, from);
    await until('the viewer has caught up', () => {
      for (let event = subscription.next(); event !== undefined; event = subscription.next())
        events.push(event);
      return events.at(-1)?.kind === 'caught-up';
    });
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['joined', 'batch', 'caught-up'],
    );
    assert.equal(serial.take(), 4);
    subscription.leave();
    hub.close();
  });
});

function seqsOf(read: HistoryRead | undefined): number[] {
  return read?.messages.map(({ seq }) => seq) ?? [];
}

const LIMITS = {
  roomLogBytes: 1 << 20,
  logBytes: 1 << 22,
  lingerMs: 5_000,
  lingeringRooms: 10,
  maxCheckMs: 30_000,
  audienceMs: 60_000,
  ephemeralRate: Infinity,
};

/**
 * Counts how many requests to JetStream follow one another: each is one deeper than the deepest that was answered when it was sent. To be put on
 * a connection before anything subscribes.
 */
class SerialRequests {
  #answered = 0;
  #deepest = 0;
  readonly #pending = new Map<string, number>();

  constructor(nc: NatsConnection['nc']) {
    const [publish, subscribe] = [nc.publish.bind(nc), nc.subscribe.bind(nc)];
    nc.publish = (subject, payload, options) => {
      // Nobody waits for a consumer to be deleted.
      const waited = subject.startsWith('$JS.API.') && !subject.startsWith('$JS.API.CONSUMER.DELETE.');
      if (options?.reply !== undefined && waited) this.#ask(options.reply);
      publish(subject, payload, options);
    };
    nc.subscribe = (subject, options) =>
      subscribe(subject, {
        ...options,
        callback: (error, message) => {
          this.#answer(message.subject, subject);
          options?.callback?.(error, message);
        },
      });
  }

  /** How deep it went since this was last asked. */
  take(): number {
    const deepest = this.#deepest;
    this.#answered = this.#deepest = 0;
    this.#pending.clear();
    return deepest;
  }

  #ask(reply: string): void {
    this.#pending.set(reply, this.#answered + 1);
    this.#deepest = Math.max(this.#deepest, this.#answered + 1);
  }

  /** Messages of the stream come to the subscription, not by the name that they were asked under. */
  #answer(subject: string, subscribed: string): void {
    const inbox = subscribed.replace(/[*.]+$/, '');
    for (const [reply, depth] of this.#pending) {
      if (reply !== subject && (!subscribed.endsWith('.*.*') || !reply.startsWith(inbox))) continue;
      this.#answered = Math.max(this.#answered, depth);
      this.#pending.delete(reply);
    }
  }
}
