import assert from 'node:assert/strict';
import { systemClock } from '../../common/clock.ts';
import { connectUpline } from '../../server/nats/connection.ts';
import { Feeds } from '../../server/nats/feeds.ts';
import { JetStreamApi } from '../../server/nats/jetstream-api.ts';
import { StreamLeader } from '../../server/nats/leader.ts';
import { Requests } from '../../server/nats/requests.ts';
import { Subjects } from '../../server/nats/subjects.ts';
import { NatsUpstream } from '../../server/nats/upstream.ts';
import { UpstreamHealth } from '../../server/nats/upstream-health.ts';
import { createLogger } from '../../server/ops/logging.ts';
import type { StreamState } from '../../server/core/upstream.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { startNats } from '../helpers/nats-server.ts';
import { StockProducer } from '../helpers/stock-producer.ts';

/** A leader of whose stream only so many messages are left when it is asked for its range a second time. */
class EvictedMeanwhile extends StreamLeader {
  producer: StockProducer | undefined;
  keep = 0;
  #asked = 0;

  override async state(): Promise<StreamState> {
    if (++this.#asked === 2) await this.producer?.jsm.streams.purge(this.stream, { keep: this.keep });
    return super.state();
  }
}

describe('a read of history', () => {
  it('vouches only for what was still held when all had been read', async () => {
    await using nats = await startNats();
    await using _gateway = await startTestGateway(nats.url);
    await using producer = await StockProducer.connect(nats.url);
    await producer.burst('read', ['1', '2', '3', '4', '5']);
    const logger = createLogger('silent');
    const upline = await connectUpline([nats.url], 'reader', systemClock, logger);
    const subjects = new Subjects();
    const parts = { upline, subjects, gateway: 'reader', clock: systemClock, logger };
    const feeds = new Feeds(parts, new UpstreamHealth(logger));
    try {
      const api = new JetStreamApi(new Requests(upline, systemClock));
      const leader = new EvictedMeanwhile(upline, api, 'LIVE', subjects);
      leader.producer = producer;
      leader.keep = 2;
      const upstream = new NatsUpstream(upline, leader, feeds, 'reader', logger);
      const { messages, firstSeq, upto } = await upstream.readHistory('read', 1);
      assert.deepEqual(
        messages.map(({ seq }) => seq),
        [4, 5],
      );
      assert.equal(firstSeq, 4);
      assert.equal(upto, 5);
    } finally {
      feeds.close();
      await upline.close();
    }
  });
});
