import assert from 'node:assert/strict';
import { headers } from 'nats';
import { Subjects } from '../../server/nats/subjects.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RawStream } from '../helpers/raw-stream.ts';
import { StockProducer } from '../helpers/stock-producer.ts';

const COMMENTS = 2_000;
const RATE = 100;

describe('a flood of ephemeral messages', () => {
  it('reaches all viewers as the same sample, and what is not in it is counted; reliable ones all come', async () => {
    await using nats = await startNats();
    await using gateway = await startTestGateway(nats.url, { ephemeralRate: RATE });
    await using producer = await StockProducer.connect(nats.url);
    using first = RawStream.hello(gateway.address);
    using second = RawStream.hello(gateway.address);
    const streams = [first, second];
    for (const stream of streams) {
      stream.send({ join: { room: 'hot', start: { live: {} } } });
      await stream.next('caughtUp');
    }
    const type = headers();
    type.set('Live-Type', 'comment');
    const stored: Promise<number>[] = [];
    const startMs = performance.now();
    for (let n = 0; n < COMMENTS; n++) {
      producer.nc.publish(new Subjects().ephemeral('hot'), String(n), { headers: type });
      if (n % 100 === 0) stored.push(producer.publish('hot', String(n)));
    }
    await Promise.all(stored);
    await until('both viewers are told of every comment', () =>
      streams.every((stream) => commentsOf(stream).length + droppedOf(stream) === COMMENTS),
    );
    const seconds = (performance.now() - startMs) / 1000;

    const sample = commentsOf(first);
    assert.deepEqual(commentsOf(second), sample);
    assert.ok(sample.length >= RATE / 10, `${sample.length} came`);
    assert.ok(sample.length <= RATE / 10 + seconds * RATE, `${sample.length} came in ${seconds} s`);
    assert.equal(gateway.stats.ephemeralSampledOut, COMMENTS - sample.length);
    assert.equal(gateway.stats.ephemeralDropped, 2 * (COMMENTS - sample.length));
    for (const stream of streams) {
      const reliable = stream.all('batch').flatMap((batch) => batch.reliable);
      assert.equal(reliable.length, stored.length);
    }
  });
});

function commentsOf(stream: RawStream): string[] {
  const messages = stream.all('batch').flatMap(({ ephemeral }) => ephemeral);
  return messages.filter(({ type }) => type === 'comment').map(({ payload }) => payload.toString());
}

function droppedOf(stream: RawStream): number {
  return stream.all('batch').reduce((sum, { ephemeralDropped }) => sum + ephemeralDropped, 0);
}
