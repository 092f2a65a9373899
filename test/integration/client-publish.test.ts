import assert from 'node:assert/strict';
import type { PullEvent } from '../../client/index.ts';
import { LiveError } from '../../client/index.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { textOf } from '../helpers/text.ts';

describe('Unique: client publishes, through a gateway', () => {
  let nats: TestNats;
  let gateway: TestGateway;

  beforeEach(async () => {
    nats = await startNats();
    gateway = await startTestGateway(nats.url);
  });

  afterEach(async () => {
    await gateway.close();
    await nats.stop();
  });

  const error = (result: Promise<unknown>): Promise<LiveError> =>
    result.then(
      () => assert.fail('it was stored'),
      (thrown: unknown) => {
        assert.ok(thrown instanceof LiveError);
        return thrown;
      },
    );

  it('are told in time that NATS is away and nothing was stored', async () => {
    const client = gateway.client();
    await client.publish('r1', { type: 'gift', payload: '' });
    await nats.kill();
    await until('the gateway knows', () => gateway.stats.upstreamCauses.length > 0);
    for (const timeoutMs of [1_500, 4_000]) {
      const { reason, message } = await error(
        client.publish('r1', { type: 'gift', payload: '' }, { timeoutMs }),
      );
      assert.equal(reason, 'UPSTREAM_UNAVAILABLE');
      assert.match(message, /not stored/);
    }
  });

  it('are stored in the order of the calls when ordered, also while NATS comes and goes', async () => {
    const client = gateway.client();
    const send = (n: number) =>
      client.publish('r1', { type: 'gift', payload: String(n) }, { ordered: true, timeoutMs: 60_000 });
    const results = Array.from({ length: 60 }, (_, n) => send(n));
    await results[5];
    await nats.kill();
    await nats.restart();
    await Promise.all(results);
    const pulled: PullEvent[] = [];
    for await (const event of client.pull('r1')) pulled.push(event);
    assert.deepEqual(
      pulled.flatMap((event) => (event.kind === 'message' ? [textOf(event.message.payload)] : [])),
      results.map((_, n) => String(n)),
    );
  });
});
