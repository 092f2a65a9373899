import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { connect as connectSocket } from 'node:net';
import { headers } from 'nats';
import type { MsgHdrs } from 'nats';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { Witness } from '../helpers/witness.ts';
import { textOf } from '../helpers/text.ts';

/** A header block with so many names. */
function manyNames(count: number): string {
  return `NATS/1.0\r\n${Array.from({ length: count }, (_, n) => `N${n}:\r\n`).join('')}\r\n`;
}

describe('Reliable: a producer that knows nothing of the gateway', () => {
  let nats: TestNats;
  let producer: StockProducer;
  let gateway: TestGateway;
  let live: Witness;

  before(async () => {
    nats = await startNats();
    producer = await StockProducer.connect(nats.url);
  });

  beforeEach(async () => {
    gateway = await startTestGateway(nats.url);
    live = new Witness(gateway.client(), 'demo');
    await live.caughtUp();
  });

  afterEach(async () => {
    await gateway.close();
    await producer.deleteStream();
  });

  after(async () => {
    await producer.close();
    await nats.stop();
  });

  /** Everything of the room as a viewer gets it that comes later, to a gateway that has nothing in memory. */
  async function replayed(count: number): Promise<Witness> {
    await using fresh = await startTestGateway(nats.url);
    const late = new Witness(fresh.client(), 'demo', { from: 'earliest' });
    await late.has(count);
    await late.caughtUp();
    return late;
  }

  /** A message must read the same live and replayed, fingerprint included; the time of the live path is the gateway's. */
  async function assertSameReplayed(): Promise<void> {
    const late = await replayed(live.messages.length);
    const timeless = ({ messages }: Witness): object[] =>
      messages.map((message) => ({ ...message, timeMs: 0 }));
    assert.deepEqual(timeless(late), timeless(live));
  }

  it('is seen without headers', async () => {
    await producer.publish('demo', 'plain');
    await live.has(1);
    const [message] = live.messages;
    assert.deepEqual(
      { ...message, payload: message?.payload.toString(), fingerprint: undefined, timeMs: undefined },
      {
        seq: 1n,
        prevSeq: 0n,
        fingerprint: undefined,
        id: '',
        type: '',
        sender: '',
        timeMs: undefined,
        payload: 'plain',
        headers: {},
      },
    );
    await assertSameReplayed();
  });

  it('is seen with our headers and its own', async () => {
    const given = headers();
    given.set('Live-Type', 'gift');
    given.set('Live-Sender', 'backend');
    given.set('Nats-Msg-Id', 'gift 1');
    given.set('Trace', 'abc');
    await producer.publish('demo', 'a rose', given);
    await live.has(1);
    const { id, type, sender, headers: rest } = live.messages[0] ?? assert.fail();
    assert.deepEqual(
      { id, type, sender, rest },
      { id: 'gift 1', type: 'gift', sender: 'backend', rest: { Trace: 'abc' } },
    );
    await assertSameReplayed();
  });

  it('is seen with an empty payload and with one of a megabyte', async () => {
    await producer.publish('demo', '');
    await producer.publish('demo', new Uint8Array(1024 * 1024).fill(7));
    await live.has(2);
    assert.deepEqual(
      live.messages.map(({ payload }) => payload.length),
      [0, 1024 * 1024],
    );
    await assertSameReplayed();
  });

  const odd: readonly (readonly [string, (given: MsgHdrs) => void])[] = [
    ['several values', (given) => ['one', 'two'].forEach((value) => given.append('Trace', value))],
    ['an empty value', (given) => given.set('Trace', '')],
    ['values beyond ASCII', (given) => given.set('Trace', 'Zürich 東京 🎁')],
    ['our names in another case', (given) => given.set('live-type', 'gift')],
    ['several types', (given) => ['gift', 'comment'].forEach((value) => given.append('Live-Type', value))],
    ['names that JavaScript objects have', (given) => given.set('__proto__', 'constructor')],
    [
      'the headers of a message of some feed, copied',
      (given) => {
        given.set('Nats-Stream', 'LIVE');
        given.set('Nats-Subject', 'live.room.other');
        given.set('Nats-Sequence', '4711');
        given.set('Nats-Last-Sequence', '1');
        given.set('Nats-Time-Stamp', '1999-01-01T00:00:00Z');
      },
    ],
  ];
  for (const [name, set] of odd) {
    it(`is seen with ${name} in its headers`, async () => {
      const given = headers();
      set(given);
      await producer.publish('demo', 'before');
      await live.has(1);
      const { repairs } = gateway.stats;
      await producer.publish('demo', 'odd', given);
      await producer.publish('demo', 'after');
      await live.has(3);
      assert.deepEqual(live.payloads, ['before', 'odd', 'after']);
      assert.deepEqual(live.seqs, [1, 2, 3]);
      assert.equal(gateway.stats.repairs, repairs, 'the feed proves itself');
      await assertSameReplayed();
    });
  }

  const raw: readonly (readonly [string, string])[] = [
    ['a name with a space', 'NATS/1.0\r\nMy Trace: 1\r\n\r\n'],
    ['a name beyond ASCII', 'NATS/1.0\r\nSpür: 1\r\n\r\n'],
    ['no name', 'NATS/1.0\r\n: 1\r\n\r\n'],
    ['no colon', 'NATS/1.0\r\nTrace\r\n\r\n'],
    ['a lone carriage return', 'NATS/1.0\r\nTrace: a\rb\r\n\r\n'],
    ['lone line feeds', 'NATS/1.0\nTrace: a\n\n'],
    ['a status', 'NATS/1.0 503\r\n\r\n'],
    ['a status and a description', 'NATS/1.0 100 Idle Heartbeat\r\nTrace: 1\r\n\r\n'],
    ['no line break at the end', 'NATS/1.0\r\nTrace: abcd'],
    ['one line break at the end', 'NATS/1.0\r\nTrace: abcd\r\n'],
    ['line feeds at the end', 'NATS/1.0\r\nTrace: abcd\n\n'],
    ['lines behind an empty one', 'NATS/1.0\r\nTrace: a\r\n\r\nB: 1\r\n\r\n'],
    ['an id that does not end', 'NATS/1.0\r\nNats-Msg-Id: abcd'],
    ['nothing but a version', 'NATS/1.0'],
    ['nothing but a line break', '\r\n'],
    ['a zero byte', 'NATS/1.0\r\nTr\0ace: a\0b\r\n\r\n'],
    // A stream stores at most 64 KiB of them.
    ['a great many names', manyNames(7_000)],
    ['bytes that are no text', 'NATS/1.0\r\nTrace: \xff\xfe\r\n\r\n'],
  ];
  for (const [name, header] of raw) {
    it(`is seen with ${name} in its headers, sent by another library`, async () => {
      await producer.publish('demo', 'before');
      await live.has(1);
      const { repairs } = gateway.stats;
      await publishRaw(
        'live.room.demo',
        Buffer.from(header, name.includes('bytes') ? 'latin1' : 'utf8'),
        'odd',
      );
      await until('the odd message is stored', async () => (await producer.state()).lastSeq === 2);
      await producer.publish('demo', 'after');
      await live.has(3);
      assert.deepEqual(live.payloads, ['before', 'odd', 'after']);
      assert.equal(gateway.stats.repairs, repairs, 'the feed proves itself');
      await assertSameReplayed();
    });
  }

  it('reaches live viewers with ephemeral messages, which nobody gets later', async () => {
    producer.nc.publish('live.eph.demo', 'hello');
    const given = headers();
    given.set('Live-Type', 'comment');
    given.set('Live-Sender', 'someone');
    producer.nc.publish('live.eph.demo', 'hi', { headers: given });
    const received = (): string[] =>
      live.events.flatMap((event) =>
        event.kind === 'ephemeral'
          ? [`${event.message.type} of ${event.message.sender}: ${textOf(event.message.payload)}`]
          : [],
      );
    await until('both have come', () => received().length === 2);
    assert.deepEqual(received(), [' of : hello', 'comment of someone: hi']);
    assert.equal((await producer.state()).lastSeq, 0);
  });

  it('does no harm with ephemeral messages that are odd', async () => {
    await publishRaw('live.eph.demo', Buffer.from('NATS/1.0\r\nMy Trace: 1\r\n\r\n'), 'odd');
    // The NATS client would take minutes to read them.
    await publishRaw('live.eph.demo', Buffer.from(manyNames(80_000)), 'many');
    for (const told of [
      'no JSON',
      '{}',
      '{"gone":1}',
      '{"ask":[""]}',
      '{"gateway":"g","n":1,"whole":true,"rooms":[["demo",-1]]}',
    ]) {
      await publishRaw('live.gateways', Buffer.from('NATS/1.0\r\n\r\n'), told);
    }
    await publishRaw('live.feed.demo', Buffer.from('NATS/1.0\r\n\r\n'), 'not from the stream');
    await producer.publish('demo', 'after');
    await live.has(1);
    assert.deepEqual(live.payloads, ['after']);
  });

  /** Publishes with header bytes that no careful library would send. */
  async function publishRaw(subject: string, header: Buffer, payload: string): Promise<void> {
    const socket: Socket = connectSocket(nats.port, '127.0.0.1');
    let received = '';
    socket.on('data', (bytes) => (received += bytes.toString()));
    const total = header.length + payload.length;
    socket.write('CONNECT {"verbose":false,"headers":true}\r\n');
    socket.write(`HPUB ${subject} ${header.length} ${total}\r\n`);
    socket.write(Buffer.concat([header, Buffer.from(`${payload}\r\nPING\r\n`)]));
    await until('the server has taken it', () => received.includes('PONG'));
    assert.ok(!received.includes('-ERR'), received);
    socket.destroy();
  }
});
