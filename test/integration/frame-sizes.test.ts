import assert from 'node:assert/strict';
import { credentials } from '@grpc/grpc-js';
import { LiveError } from '../../client/index.ts';
import type { Message } from '../../client/index.ts';
import type { PullResponse } from '../../protos/gen/live/v1/PullResponse.ts';
import { LiveStub } from '../../protos/live.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RawStream, rawPublish } from '../helpers/raw-stream.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { Witness } from '../helpers/witness.ts';
import { textOf } from '../helpers/text.ts';

const MIB = 1024 * 1024;
const LARGE_BYTES = 5 * MIB;
const JOIN = { join: { room: 'tea', start: { earliest: {} } } };

describe('Reliable: messages larger than a client takes', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let producer: StockProducer;

  before(async () => {
    nats = await startNats({ config: `max_payload: ${8 * MIB}` });
    producer = await StockProducer.connect(nats.url);
    // As somebody has made it who knows nothing of clients.
    await (await startTestGateway(nats.url)).close();
    await producer.jsm.streams.update('LIVE', { max_msg_size: -1 });
    gateway = await startTestGateway(nats.url);
    await producer.publish('tea', Buffer.from('small'));
    await producer.publish('tea', Buffer.alloc(LARGE_BYTES, 'x'));
    await producer.publish('tea', Buffer.from('behind'));
  });
  after(async () => {
    await producer[Symbol.asyncDispose]();
    await gateway.close();
    await nats.stop();
  });

  const brief = ({ payload, omittedBytes }: Pick<Message, 'payload' | 'omittedBytes'>): string =>
    omittedBytes !== undefined
      ? `${omittedBytes} omitted`
      : payload.length > 100
        ? `${payload.length} bytes`
        : textOf(payload);

  it('come without payload to a client that says nothing, replayed and live, and nothing is repeated', async () => {
    using stream = RawStream.hello(gateway.address);
    stream.send(JOIN);
    assert.equal((await stream.next('welcome')).limits?.frameBytes, 4 * MIB);
    await stream.next('caughtUp');
    await producer.publish('tea', Buffer.alloc(LARGE_BYTES + 1, 'y'));
    await producer.publish('tea', Buffer.from('last'));
    const messages = await until('all have come', () => {
      const had = stream.all('batch').flatMap(({ reliable }) => reliable);
      return had.length >= 5 ? had : undefined;
    });
    assert.deepEqual(messages.map(brief), [
      'small',
      `${LARGE_BYTES} omitted`,
      'behind',
      `${LARGE_BYTES + 1} omitted`,
      'last',
    ]);
    assert.ok(messages.every(({ seq, prevSeq }) => BigInt(prevSeq) === BigInt(seq) - 1n));
    assert.equal(stream.ended, undefined);
  });

  it('come whole to a client that takes them', async () => {
    const client = gateway.client();
    const viewer = new Witness(client, 'tea', { from: 'earliest' });
    await viewer.has(3);
    const small = gateway.client({ maxFrameBytes: MIB });
    const subscription = small.join('tea', { from: { last: 4 } });
    const had: string[] = [];
    for await (const event of subscription) {
      if (event.kind === 'message') had.push(brief(event.message));
      if (event.kind === 'caught-up') break;
    }
    assert.deepEqual(had, [`${LARGE_BYTES} omitted`, 'behind', `${LARGE_BYTES + 1} omitted`, 'last']);
    assert.equal(client.counters.reconnects, 0);
  });

  it('are left out of a pull in the same way', async () => {
    const stub = new LiveStub(gateway.address, credentials.createInsecure());
    const pulled = async (maxFrameBytes: number): Promise<string[]> => {
      const request = { room: 'tea', start: { earliest: {} }, limit: 3, maxFrameBytes };
      const had: string[] = [];
      for await (const part of stub.pull(request) as AsyncIterable<PullResponse>) {
        had.push(...(part.batch?.reliable ?? []).map(brief));
      }
      return had;
    };
    assert.deepEqual(await pulled(0), ['small', `${LARGE_BYTES} omitted`, 'behind']);
    const client = gateway.client();
    const whole: string[] = [];
    for await (const event of client.pull('tea', { limit: 3 })) {
      if (event.kind === 'message') whole.push(brief(event.message));
    }
    assert.deepEqual(whole, ['small', `${LARGE_BYTES} bytes`, 'behind']);
    // A stub takes 4 MiB unless told otherwise.
    await assert.rejects(pulled(8 * MIB), { details: /larger than max/ });
    stub.close();
  });

  it('cannot be published: Welcome says what can, and means it', async () => {
    using stream = RawStream.hello(gateway.address);
    const { limits } = await stream.next('welcome');
    const bytes = limits?.payloadBytes ?? 0;
    assert.ok(bytes > 3 * MIB && bytes < 4 * MIB, `${bytes}`);
    const most = { room: 'most', type: 'gift', payload: Buffer.alloc(bytes) };
    assert.equal((await rawPublish(gateway.address, most)).code, 'OK');
    const more = { ...most, payload: Buffer.alloc(bytes + 1) };
    assert.equal((await rawPublish(gateway.address, more)).reason, 'PAYLOAD_TOO_LARGE');
    const client = gateway.client();
    const tooLong = 'x'.repeat(5 * MIB);
    for (const [message, reason] of [
      [{ payload: more.payload }, 'PAYLOAD_TOO_LARGE'],
      [{ payload: '', headers: { a: tooLong } }, 'REQUEST_TOO_LARGE'],
      [{ payload: '', sender: tooLong }, 'REQUEST_TOO_LARGE'],
    ] as const) {
      await assert.rejects(
        client.publish('most', { type: 'gift', ...message }),
        (error: unknown) => error instanceof LiveError && error.reason === reason,
      );
    }
    await client.publish('most', { type: 'gift', payload: 'it lives on' });
    assert.equal(client.counters.connects, 1);
  });

  it('are not stored by a stream that the gateway has made', async () => {
    await using other = await startNats({ config: `max_payload: ${8 * MIB}` });
    await using theirs = await startTestGateway(other.url);
    await using stock = await StockProducer.connect(other.url);
    await assert.rejects(stock.publish('tea', Buffer.alloc(LARGE_BYTES)));
    await stock.publish('tea', Buffer.alloc(4 * MIB - 16 * 1024));
    await new Witness(theirs.client({ maxFrameBytes: 4 * MIB }), 'tea', { from: 'earliest' }).has(1);
  });
});
