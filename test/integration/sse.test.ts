import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { EventSource } from 'eventsource';
import type { EventSourceOptions } from '../helpers/event-source.ts';
import { HandEventSource } from '../helpers/event-source.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { askForBan } from '../helpers/moderating.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import type { Claims } from '../helpers/tokens.ts';
import { inSeconds, SECRET, token } from '../helpers/tokens.ts';

const HTTP = { http: { host: '127.0.0.1', port: 0 } };
/** What a viewer is told besides messages, for as long as nothing happens. */
const KINDS = ['joined', 'message', 'caught-up', 'gap', 'reset', 'go-away', 'refused'];

describe('Resumable, Unique: viewers by server-sent events', () => {
  let nats: TestNats;
  let producer: StockProducer;
  let gateways: TestGateway[];
  let viewers: HandEventSource[];

  beforeEach(async () => {
    nats = await startNats();
    producer = await StockProducer.connect(nats.url);
    gateways = [];
    viewers = [];
  });

  afterEach(async () => {
    for (const viewer of viewers) viewer.close();
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await producer.close();
    await nats.stop();
  });

  async function start(
    overrides: Parameters<typeof startTestGateway>[1] = {},
    dependencies: Parameters<typeof startTestGateway>[2] = {},
  ): Promise<TestGateway> {
    const gateway = await startTestGateway(nats.url, { ...HTTP, ...overrides }, dependencies);
    gateways.push(gateway);
    return gateway;
  }

  function watch(gateway: TestGateway, query = '', options: EventSourceOptions = {}): HandEventSource {
    const viewer = new HandEventSource(`http://${gateway.http}/v1/rooms/demo/events${query}`, options);
    viewers.push(viewer);
    return viewer;
  }

  const told = (viewer: HandEventSource): string[] =>
    viewer.events
      .filter(({ event }) => KINDS.includes(event))
      .map(({ event, data }) =>
        [event, data['outcome'] ?? data['payload'] ?? data['cause']].join(' ').trim(),
      );

  it('get what is stored and what comes, as events with the headers that proxies need', async () => {
    const gateway = await start();
    await producer.burst('demo', ['one', 'two']);
    const viewer = watch(gateway, '?from=earliest');
    await viewer.next('caught-up');
    await producer.publish('demo', 'three');
    await viewer.next('message', 3);
    assert.deepEqual(told(viewer), [
      'joined STARTED',
      'message one',
      'message two',
      'caught-up',
      'message three',
    ]);
    const [{ status, headers } = assert.fail()] = viewer.responses;
    assert.equal(status, 200);
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['x-accel-buffering'], 'no');
    const [{ data } = assert.fail()] = viewer.all('message');
    const { seq, prevSeq, timeMs, ...rest } = data;
    assert.deepEqual([seq, prevSeq, typeof timeMs], [1, 0, 'number']);
    assert.deepEqual(rest, {
      type: '',
      class: 'reliable',
      sender: '',
      id: '',
      headers: {},
      payload: 'one',
    });
  });

  it('are told of payloads that are no text as base64, and of what somebody publishes in full', async () => {
    const gateway = await start();
    const viewer = watch(gateway);
    await viewer.next('caught-up');
    const client = gateway.client();
    await client.publish('demo', {
      type: 'gift',
      sender: 'ann',
      payload: Uint8Array.of(0xff, 0),
      key: 'k',
      headers: { colour: 'red' },
    });
    const { data } = await viewer.next('message');
    assert.equal(data['payloadBase64'], '/wA=');
    assert.equal(data['payload'], undefined);
    assert.deepEqual([data['type'], data['sender'], data['id']], ['gift', 'ann', 'demo:ann:k']);
    assert.deepEqual(data['headers'], { colour: 'red' });
    await client.publish('demo', { type: 'like', payload: 'line\nbreak\r\n\u2028' });
    const ephemeral = await viewer.next('ephemeral');
    assert.equal(ephemeral.data['payload'], 'line\nbreak\r\n\u2028');
    assert.equal(ephemeral.hadId, false, 'what is ephemeral moves nobody');
  });

  it('are told how many watch, and live signs while nothing happens', async () => {
    const gateway = await start({ heartbeatMs: 100 });
    const viewer = watch(gateway);
    await viewer.next('audience');
    await until('a sign of life', () => viewer.comments.includes('heartbeat'));
    watch(gateway);
    await until('both are counted', () => viewer.events.some(({ data }) => data['audience'] === 2));
    assert.ok(viewer.retryMs >= 1_000 && viewer.retryMs < 3_000, 'not all at once, should it break off');
  });

  it('are told once when NATS is away, and when it is back', async () => {
    const gateway = await start({ heartbeatMs: 100 });
    const viewer = watch(gateway);
    await viewer.next('audience');
    await nats.kill();
    const away = await viewer.next('upstream');
    assert.equal(away.data['upstream'], 'DEGRADED');
    assert.ok((away.data['causes'] as unknown[]).includes('NATS_UNREACHABLE'), JSON.stringify(away.data));
    await nats.restart();
    await until('all is well', () => viewer.all('upstream').at(-1)?.data['upstream'] === 'OK');
    const states = viewer.all('upstream').map(({ data }) => JSON.stringify(data));
    assert.ok(
      states.every((state, at) => state !== states[at - 1]),
      states.join(),
    );
  });

  it('resume where they were, exactly once, whatever breaks and wherever they come to', async () => {
    const [here, there] = [await start(), await start()];
    const hosts = [here, there].map(({ http }) => http as string);
    const viewer = watch(here, '?from=earliest', { hosts });
    await viewer.next('caught-up');
    viewer.retryMs = 10;
    const payloads = Array.from({ length: 200 }, (_, index) => String(index));
    for (let at = 0, joins = 1; at < payloads.length; at += 20) {
      await producer.burst('demo', payloads.slice(at, at + 10));
      // Somewhere among them.
      await until('some of them have come', () => viewer.payloads.length > at);
      viewer.retryMs = 10;
      viewer.breakOff();
      await producer.burst('demo', payloads.slice(at + 10, at + 20));
      await viewer.next('joined', ++joins);
    }
    await until('all has come', () => viewer.payloads.length >= payloads.length);
    const seqs = viewer.all('message').map(({ data }) => Number(data['seq']));
    assert.deepEqual(
      seqs,
      [...seqs].sort((a, b) => a - b),
    );
    assert.deepEqual([...viewer.payloads].sort(), [...payloads].sort());
    assert.equal(viewer.responses.length, 11, 'it has come again each time');
    assert.deepEqual(viewer.all('gap'), []);
  });

  it('resume from ?cursor=, but what they have had since counts more', async () => {
    const gateway = await start();
    await producer.burst('demo', ['one', 'two', 'three']);
    const first = watch(gateway, '?from=earliest');
    await first.next('message', 3);
    const [one, two] = first.all('message');
    const fromQuery = watch(gateway, `?cursor=${one?.lastEventId}`);
    await fromQuery.next('caught-up');
    assert.deepEqual(told(fromQuery), ['joined RESUMED', 'message two', 'message three', 'caught-up']);
    const headers = { 'last-event-id': two?.lastEventId ?? '' };
    const fromHeader = watch(gateway, `?cursor=${one?.lastEventId}`, { headers });
    await fromHeader.next('caught-up');
    assert.deepEqual(told(fromHeader), ['joined RESUMED', 'message three', 'caught-up']);
  });

  it('are told of a gap, and stand behind it', async () => {
    const gateway = await start();
    await producer.burst('demo', ['one', 'two', 'three']);
    const before = watch(gateway, '?from=earliest');
    const { lastEventId } = await before.next('message');
    before.close();
    await gateway.close();
    await producer.jsm.streams.purge(producer.stream, { seq: 3 });
    const viewer = watch(await start(), `?cursor=${lastEventId}`);
    await viewer.next('caught-up');
    assert.deepEqual(told(viewer), ['joined GAP', 'gap RETENTION', 'message three', 'caught-up']);
    const [joined, gap] = viewer.events;
    assert.equal(joined?.lastEventId, lastEventId, 'it stands where it stood until it has been told');
    assert.notEqual(gap?.lastEventId, lastEventId);
    assert.deepEqual([gap?.data['after'], gap?.data['next']], [1, 3]);
  });

  it('are told of a reset, and go on in the new history', async () => {
    const gateway = await start();
    await producer.burst('demo', ['one', 'two']);
    const before = watch(gateway, '?from=earliest');
    const { lastEventId } = await before.next('message', 2);
    before.close();
    await gateway.close();
    await producer.deleteStream();
    const second = await start();
    await producer.publish('demo', 'anew');
    const viewer = watch(second, `?cursor=${lastEventId}`);
    await viewer.next('message');
    assert.deepEqual(told(viewer).slice(0, 3), ['joined RESET', 'reset RECREATED', 'message anew']);
    viewer.retryMs = 10;
    viewer.breakOff();
    const again = await viewer.next('joined', 2);
    assert.equal(again.data['outcome'], 'RESUMED', 'the cursor is one of the new history');
    const fromMessage = watch(second, `?cursor=${viewer.all('message')[0]?.lastEventId}`);
    const resumed = await fromMessage.next('joined');
    assert.equal(resumed.data['outcome'], 'RESUMED', 'so is that of a message');
  });

  it('go elsewhere when a gateway is drained, and miss nothing', async () => {
    const [here, there] = [await start(), await start()];
    const hosts = [here, there].map(({ http }) => http as string);
    const viewer = watch(here, '?from=earliest', { hosts });
    await known(viewer, watch(there));
    await producer.publish('demo', 'one');
    const drained = here.drain(50);
    const { data } = await viewer.next('go-away');
    await producer.publish('demo', 'two');
    await drained;
    assert.equal(data['reason'], 'DRAINING');
    assert.equal(viewer.endedWithRetryMs[0], data['afterMs'], 'it comes again when it was told to');
    await viewer.next('joined', 2);
    await producer.publish('demo', 'three');
    await viewer.next('message', 3);
    assert.deepEqual(viewer.payloads, ['one', 'two', 'three']);
    assert.equal(there.stats.sessions, 2);
  });

  /** Each gateway knows that the other one has viewers. */
  async function known(...viewers: ReturnType<typeof watch>[]): Promise<void> {
    for (const viewer of viewers)
      await until('both are known everywhere', () =>
        viewer.events.some(({ data }) => data['audience'] === viewers.length),
      );
  }

  it('come again soon when a gateway goes, but where it is the only one no sooner than it may be back', async () => {
    const [here, there] = [await start(), await start()];
    const [first, second] = [watch(here), watch(there)];
    await known(first, second);
    await here.drain(0);
    await first.next('go-away');
    await until('its stream has ended', () => first.endedWithRetryMs.length > 0);
    first.close();
    assert.ok((first.endedWithRetryMs[0] as number) <= 250);
    await until('the other is alone', () => second.all('audience').at(-1)?.data['audience'] === 1);
    await there.drain(0);
    await until('its stream has ended', () => second.endedWithRetryMs.length > 0);
    assert.ok((second.endedWithRetryMs[0] as number) >= 1_000, 'nobody asks many times a second');
  });

  it('that come while a gateway goes away are told so in a way after which they come again', async () => {
    const gateway = await start();
    const staying = watch(gateway);
    await staying.next('caught-up');
    const socket = connect(Number(gateway.http?.split(':')[1]), '127.0.0.1');
    await until('it is connected', () => socket.readyState === 'open');
    const drained = gateway.drain(2_000);
    const answers: string[] = [];
    socket.on('data', (chunk: Buffer) => answers.push(chunk.toString()));
    socket.write(
      'GET /v1/rooms/demo/events HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n',
    );
    await until('it is answered', () => answers.join('').includes('\r\n0\r\n'));
    const answer = answers.join('');
    assert.match(answer, /^HTTP\/1.1 200 /);
    assert.match(answer, /connection: close/i);
    assert.match(answer, /retry: \d+\n\nevent: refused\ndata: {"reason":"DRAINING"/);
    await drained;
  });

  it('that say they take no events are refused by the status while a gateway goes away', async () => {
    const gateway = await start();
    const staying = watch(gateway);
    await staying.next('caught-up');
    const socket = connect(Number(gateway.http?.split(':')[1]), '127.0.0.1');
    await until('it is connected', () => socket.readyState === 'open');
    const drained = gateway.drain(2_000);
    const answers: string[] = [];
    socket.on('data', (chunk: Buffer) => answers.push(chunk.toString()));
    socket.write('GET /v1/rooms/demo/events HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await until('it is answered', () => answers.join('').includes('DRAINING'));
    assert.match(answers.join(''), /^HTTP\/1.1 503 .*retry-after: 0\r\n/s);
    await drained;
  });

  it('that ask for what cannot be are refused for good', async () => {
    const gateway = await start();
    const reasons: unknown[] = [];
    for (const query of ['?from=tomorrow', '?from=last:0', '?cursor=nonsense', '?cursor=AAAA']) {
      const viewer = watch(gateway, query);
      const { status, reason } = await until('it is refused', () => viewer.refusal);
      assert.equal(viewer.state, 'closed');
      reasons.push(`${String(status)} ${String(reason)}`);
    }
    assert.deepEqual([...new Set(reasons)], ['400 START_INVALID']);
    const answered = await fetch(`http://${gateway.http}/v1/rooms/no%20room/events`);
    assert.equal(answered.status, 400);
    assert.equal(answered.headers.get('content-type'), 'application/problem+json');
    assert.equal(((await answered.json()) as { reason: string }).reason, 'ROOM_NAME_INVALID');
  });

  it('resume with a client that others have made, when gateways go', async () => {
    const [here, there] = [await start(), await start()];
    const messages: string[] = [];
    let opened = 0;
    const stranger = new EventSource(`http://${here.http}/v1/rooms/demo/events?from=earliest`, {
      // As a load balancer would: it knows one address.
      fetch: (url, init) => {
        const { pathname, search } = new URL(url);
        return fetch(`http://${[here, there][opened % 2]?.http}${pathname}${search}`, init);
      },
    });
    stranger.addEventListener('joined', () => (opened += 1));
    stranger.addEventListener('message', ({ data }) => {
      messages.push((JSON.parse(data as string) as { payload: string }).payload);
    });
    await until('it is there', () => opened === 1);
    await producer.burst('demo', ['one', 'two']);
    await until('both have come', () => messages.length === 2);
    await here.drain(20);
    await producer.publish('demo', 'three');
    await until('it goes on elsewhere', () => messages.length === 3);
    assert.deepEqual(messages, ['one', 'two', 'three']);
    assert.equal(opened, 2);
    stranger.close();
  });

  describe('Isolated: one that takes nothing', () => {
    it('is cut off, and others get everything', async () => {
      const clock = new SkippingClock();
      const gateway = await start(
        { slowConsumerTimeoutMs: 600_000, eventsLifetimeMs: 86_400_000, roomLogBytes: 1 << 20 },
        { clock },
      );
      const stuck = connect(Number(gateway.http?.split(':')[1]), '127.0.0.1');
      await stuckRequest(stuck, '/v1/rooms/demo/events?from=earliest');
      const viewer = watch(gateway);
      await until('both are there', () => gateway.stats.sessions === 2);
      await viewer.next('caught-up');
      const payloads = Array.from({ length: 200 }, (_, index) => `${index} ${'x'.repeat(64 * 1024)}`);
      for (let at = 0; at < payloads.length; at += 10)
        await producer.burst('demo', payloads.slice(at, at + 10));
      await viewer.next('message', payloads.length);
      clock.skip(700_000);
      await until('the one that is stuck has gone', () => gateway.stats.sessions === 1);
      await producer.publish('demo', 'last');
      await until('the other goes on', () => viewer.payloads.at(-1) === 'last');
      assert.equal(viewer.responses.length, 1);
      stuck.destroy();
    });
  });

  describe('with tokens', () => {
    let directory: TempDir;
    const ann = (claims: Claims = {}): string => token({ sub: 'ann', exp: inSeconds(600), ...claims });
    const MODERATOR = token({ sub: 'mod', exp: inSeconds(600), roles: ['moderator'] });

    beforeEach(async () => {
      directory = await tempDir();
      await writeFile(join(directory.path, 'secret'), SECRET);
    });

    afterEach(() => directory[Symbol.asyncDispose]());

    const startAsking = (dependencies?: Parameters<typeof startTestGateway>[2]): Promise<TestGateway> =>
      // A day: streams are not to end because time is skipped.
      start(
        { jwtSecretFile: join(directory.path, 'secret'), tokenGraceMs: 0, eventsLifetimeMs: 86_400_000 },
        dependencies,
      );

    it('are let in by a header or by their address, and not without', async () => {
      const gateway = await startAsking();
      await watch(gateway, `?token=${ann()}`).next('caught-up');
      await watch(gateway, '', { headers: { authorization: `Bearer ${ann()}` } }).next('caught-up');
      for (const [query, reason] of [
        ['', 'TOKEN_MISSING'],
        ['?token=none', 'TOKEN_INVALID'],
        [`?token=${ann({ exp: inSeconds(-60) })}`, 'TOKEN_EXPIRED'],
      ] as const) {
        const stranger = watch(gateway, query);
        const refused = await until('it is refused', () => stranger.refusal);
        assert.deepEqual([refused['status'], refused['reason']], [401, reason]);
      }
      const forbidden = watch(gateway, `?token=${ann({ rooms: ['other'] })}`);
      const refused = await until('it is refused', () => forbidden.refusal);
      assert.deepEqual([refused['status'], refused['reason']], [403, 'NOT_PERMITTED']);
    });

    it('are warned before their token ends, and sent away after', async () => {
      const clock = new SkippingClock();
      const gateway = await startAsking({ clock });
      const viewer = watch(gateway, `?token=${ann({ exp: inSeconds(600) })}`);
      await viewer.next('caught-up');
      clock.skip(590_000);
      const { data } = await viewer.next('token-expiring');
      assert.ok(Number(data['expiresInMs']) <= 10_000);
      viewer.retryMs = 10;
      clock.skip(20_000);
      const refused = await viewer.next('refused');
      assert.equal(refused.data['reason'], 'TOKEN_EXPIRED');
      viewer.retryMs = 10;
      const final = await until('it is refused when it comes again', () => viewer.refusal);
      assert.deepEqual([final['status'], final['reason']], [401, 'TOKEN_EXPIRED']);
    });

    it('are sent away when they are banned, and not let in again', async () => {
      const gateway = await startAsking();
      const viewer = watch(gateway, `?token=${ann()}`);
      await viewer.next('caught-up');
      assert.equal(await askForBan(gateway.address, MODERATOR, { user: 'ann', forMs: 600_000 }), 'OK');
      const { data } = await viewer.next('refused');
      assert.equal(data['reason'], 'USER_BANNED');
      const final = await until('it is refused when it comes again', () => viewer.refusal);
      assert.deepEqual([final['status'], final['reason']], [403, 'USER_BANNED']);
    });
  });
});

/** Asks for events, and takes none of them. */
async function stuckRequest(socket: Socket, path: string): Promise<void> {
  await until('it is connected', () => socket.readyState === 'open');
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n`);
}
