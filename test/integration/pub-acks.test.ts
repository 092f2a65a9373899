import assert from 'node:assert/strict';
import type { NatsConnection } from 'nats';
import { connect, headers } from 'nats';
import { PubAcks } from '../../server/nats/pub-acks.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';

const payload = Buffer.from('x');
const message = (subject: string, body: Uint8Array = payload) => ({
  subject,
  payload: body,
  headers: headers(),
});

describe('publish acknowledgements', () => {
  let nats: TestNats;
  let nc: NatsConnection;
  let clock: ManualClock;
  let acks: PubAcks;

  before(async () => {
    nats = await startNats();
  });

  after(() => nats.stop());

  beforeEach(async () => {
    nc = await connect({ servers: nats.url });
    const jsm = await nc.jetstreamManager();
    await jsm.streams.add({ name: 'S', subjects: ['s.*'], max_msg_size: 1_000 });
    clock = new ManualClock();
    acks = new PubAcks(nc, clock);
  });

  afterEach(async () => {
    if (!nc.isClosed()) {
      await (await nc.jetstreamManager()).streams.delete('S');
      await nc.close();
    }
    assert.equal(clock.pending, 0, 'timers left behind');
  });

  it('every message has its own, in the order of the calls', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 1_000 }, (_, n) => acks.publish(message(`s.${n % 7}`))),
    );
    assert.deepEqual(
      outcomes,
      outcomes.map((_, n) => ({ kind: 'stored', seq: n + 1, duplicate: false })),
    );
    clock.advance(2_000);
  });

  it('a repeat is told as one', async () => {
    const twice = message('s.a');
    twice.headers.set('Nats-Msg-Id', 'k');
    await acks.publish(twice);
    assert.deepEqual(await acks.publish(twice), { kind: 'stored', seq: 1, duplicate: true });
    clock.advance(2_000);
  });

  it('what the stream will not have is refused, and what the server will not have', async () => {
    const tooLarge = await acks.publish(message('s.a', Buffer.alloc(2_000)));
    assert.ok(tooLarge.kind === 'refused');
    assert.match(tooLarge.message, /size/);
    const farTooLarge = await acks.publish(message('s.a', Buffer.alloc(2 * 1024 * 1024)));
    assert.equal(farTooLarge.kind, 'refused');
    clock.advance(2_000);
  });

  it('where no stream listens, nobody knows', async () => {
    assert.deepEqual(await acks.publish(message('nowhere')), { kind: 'unknown' });
    clock.advance(2_000);
  });

  it('where somebody else answers, nobody knows', async () => {
    const answers = ['garbage', 'null', '5', '{}', '{"error":null}', '{"seq":"1"}', '{"error":7}', ''];
    nc.subscribe('odd', { callback: (_, request) => request.respond(Buffer.from(answers.shift() ?? '')) });
    while (answers.length > 0) assert.deepEqual(await acks.publish(message('odd')), { kind: 'unknown' });
    clock.advance(2_000);
  });

  it('a refusal that trying again may mend is not final', async () => {
    const errors = [
      { code: 400, err_code: 10158, description: 'a message with this id is in process' },
      { code: 503, err_code: 10077, description: 'maximum messages exceeded' },
      { code: 400, err_code: 10071, description: 'wrong last sequence' },
    ];
    nc.subscribe('odd', {
      callback: (_, request) => request.respond(Buffer.from(JSON.stringify({ error: errors.shift() }))),
    });
    const outcomes = [];
    while (errors.length > 0) outcomes.push(await acks.publish(message('odd')));
    assert.deepEqual(outcomes, [
      { kind: 'unknown' },
      { kind: 'unknown' },
      { kind: 'refused', message: 'wrong last sequence' },
    ]);
    clock.advance(2_000);
  });

  it('waits two seconds for an answer and no longer, and takes a late one calmly', async () => {
    let reply: (() => void) | undefined;
    nc.subscribe('slow', {
      callback: (_, request) => (reply = () => void request.respond(Buffer.from('{"stream":"S","seq":9}'))),
    });
    const slow = acks.publish(message('slow'));
    const stored = await acks.publish(message('s.a'));
    assert.equal(stored.kind, 'stored');
    let settled = false;
    void slow.then(() => (settled = true));
    clock.advance(1_999);
    await nc.flush();
    assert.equal(settled, false);
    clock.advance(1);
    assert.deepEqual(await slow, { kind: 'unknown' });
    reply?.();
    await nc.flush();
    assert.equal((await acks.publish(message('s.a'))).kind, 'stored');
    clock.advance(2_000);
  });

  it('a connection that is closed settles what waits', async () => {
    nc.subscribe('mute', { callback: () => undefined });
    const waiting = acks.publish(message('mute'));
    await acks.publish(message('s.a'));
    await nc.close();
    assert.deepEqual(await waiting, { kind: 'unknown' });
    assert.deepEqual(await acks.publish(message('s.a')), { kind: 'unsent' });
    clock.advance(2_000);
  });
});
