import assert from 'node:assert/strict';
import { headers } from 'nats';
import { Subjects } from '../../server/nats/connection/subjects.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { startNats } from '../helpers/nats-server.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { until } from '../helpers/poll.ts';
import { RawStream } from '../helpers/raw-stream.ts';
import { StockProducer } from '../helpers/stock-producer.ts';

const COMMENTS = 2_000;
const RATE = 100;
const STEP_MS = 100;

describe('Isolated: a flood of ephemeral messages', () => {
  it('reaches all viewers as the same sample, and what is not in it is counted; reliable ones all come', async () => {
    await using nats = await startNats();
    // Creates the stream, for which a gateway needs time to pass.
    await (await startTestGateway(nats.url)).close();
    const clock = new ManualClock();
    await using gateway = await startTestGateway(nats.url, { ephemeralRate: RATE }, { clock });
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
    for (let n = 0; n < COMMENTS; n++) {
      producer.nc.publish(new Subjects().ephemeral('hot'), String(n), { headers: type });
      if (n % 100 === 0) stored.push(producer.publish('hot', String(n)));
    }
    await Promise.all(stored);
    const burst = RATE / 10;
    await until('all but the burst has been passed over', () => {
      return gateway.stats.ephemeralSampledOut === COMMENTS - burst;
    });
    await until('both viewers have the burst', () =>
      streams.every((stream) => commentsOf(stream).length === burst),
    );
    // The audience, with which the count is told at the latest, takes time; in steps, so that NATS is not silent meanwhile.
    const passes = (what: string, holds: () => boolean): Promise<unknown> =>
      until(what, () => {
        clock.advance(STEP_MS);
        return holds();
      });
    await passes('both viewers are told of every comment', () =>
      streams.every((stream) => droppedOf(stream) === COMMENTS - burst),
    );

    const sample = commentsOf(first);
    assert.equal(sample.length, burst);
    assert.deepEqual(commentsOf(second), sample);
    assert.equal(gateway.stats.ephemeralSampledOut, COMMENTS - sample.length);
    assert.equal(
      gateway.stats.ephemeralOverRate + gateway.stats.ephemeralLate,
      2 * (COMMENTS - sample.length),
    );
    await passes('the reliable ones have all come', () =>
      streams.every((stream) => stream.reliable.length === stored.length),
    );
  });
});

function commentsOf(stream: RawStream): string[] {
  const messages = stream.all('batch').flatMap(({ ephemeral }) => ephemeral);
  return messages.filter(({ type }) => type === 'comment').map(({ payload }) => payload.toString());
}

function droppedOf(stream: RawStream): number {
  return stream.all('batch').reduce((sum, { ephemeralDropped }) => sum + ephemeralDropped, 0);
}
