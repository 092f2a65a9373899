import assert from 'node:assert/strict';
import { headers } from 'nats';
import { HandEventSource } from '../helpers/event-source.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { postJson } from '../helpers/post-json.ts';
import { StockProducer } from '../helpers/stock-producer.ts';

describe('Reliable: the state of a room by HTTP', () => {
  let nats: TestNats;
  let producer: StockProducer;
  let gateway: TestGateway;

  beforeEach(async () => {
    nats = await startNats();
    producer = await StockProducer.connect(nats.url);
    gateway = await startTestGateway(nats.url, { roomState: true, http: { host: '127.0.0.1', port: 0 } });
  });

  afterEach(async () => {
    await gateway.close();
    await producer.close();
    await nats.stop();
  });

  const command = (type: string, payload = ''): Promise<number> => {
    const hdrs = headers();
    hdrs.set('Live-Type', type);
    return producer.publish('demo', payload, hdrs);
  };

  const watch = (query = ''): HandEventSource =>
    new HandEventSource(`http://${gateway.http}/v1/rooms/demo/events${query}`);

  it('comes as an event behind joined, and behind the message that changes it', async () => {
    await command('pin', 'welcome');
    using viewer = watch('?from=earliest');
    await viewer.next('caught-up');
    await command('mute_all', '{"until_ms":4102444800000}');
    await viewer.next('state', 2);
    const told = viewer.events.filter(({ event }) => event !== 'audience');
    assert.deepEqual(
      told.map(({ event }) => event),
      ['joined', 'state', 'message', 'caught-up', 'message', 'state'],
    );
    const [first, second] = viewer.all('state');
    const { pinned, ...others } = first?.data ?? {};
    assert.deepEqual(others, {
      seq: 1,
      closed: null,
      muted: null,
      stream: null,
      question: null,
      values: {},
      uncertain: false,
    });
    assert.equal((pinned as { payload: string }).payload, 'welcome');
    assert.deepEqual(second?.data['muted'], { seq: 2, untilMs: 4_102_444_800_000 });
    assert.equal(first?.hadId, false, 'it is no place to resume from');
  });

  it('ends the stream of a room that is closed, and an EventSource does not come again for ever', async () => {
    using viewer = watch();
    await viewer.next('caught-up');
    await command('room_closed', '{"reason":"the show is over"}');
    const { reason } = (await viewer.next('refused')).data;
    assert.equal(reason, 'ROOM_CLOSED');
    const { status, detail } = await until('it is refused for good', () => viewer.refusal);
    assert.equal(viewer.state, 'closed');
    assert.equal(status, 400);
    assert.match(String(detail), /the show is over/);
  });

  it('is part of what is said of a room, and holds for what is published', async () => {
    await command('set_state', '{"score":[1,2]}');
    await command('mute_all');
    const answered = await fetch(`http://${gateway.http}/v1/rooms/demo`);
    const { state } = (await answered.json()) as { state: { muted: object; values: object } };
    assert.deepEqual([state.muted, state.values], [{ seq: 2 }, { score: [1, 2] }]);
    const address = `http://${gateway.http}/v1/rooms/demo/messages`;
    const refused = await postJson(address, { type: 'comment', payload: 'hello' });
    assert.equal(refused.status, 403);
    assert.equal((refused.body as { reason: string }).reason, 'ROOM_MUTED');
    assert.equal((await postJson(address, { type: 'gift', payload: 'rose' })).status, 200);
    const wrong = await postJson(address, { type: 'ban_user', payload: '{}' });
    assert.equal((wrong.body as { reason: string }).reason, 'MESSAGE_INVALID');
  });
});
