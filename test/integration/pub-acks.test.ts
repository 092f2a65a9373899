import assert from 'node:assert/strict';
import type { NatsConnection as NatsClient } from 'nats';
import { connect, headers } from 'nats';
import { freePorts } from '../../chaos/run/backend/ports.ts';
import { systemClock } from '../../common/clock.ts';
import { openAccess } from '../../server/nats/access/access.ts';
import { connectNats } from '../../server/nats/connection/connection.ts';
import { PubAcks } from '../../server/nats/publish/pub-acks.ts';
import { createLogger } from '../../server/observability/logging.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';

const payload = Buffer.from('x');
const message = (subject: string, body: Uint8Array = payload) => ({
  subject,
  payload: body,
  headers: headers(),
});

/** A connection of which the server refuses nothing. */
const through = (nc: NatsClient) => ({ nc, onError: () => () => undefined });

describe('Unique: publish acknowledgements', () => {
  let nats: TestNats;
  let nc: NatsClient;
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
    acks = new PubAcks(through(nc), { stream: 'S' }, clock);
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

  it('come again once there is room for the subscription by which they come', async () => {
    const limited = await startNats({ config: 'max_subscriptions: 2' });
    const logger = createLogger('silent');
    const connection = await connectNats(openAccess([limited.url]), 'test', systemClock, logger);
    let refusals = 0;
    connection.onError(() => refusals++);
    try {
      const jsm = await connection.nc.jetstreamManager();
      await jsm.streams.add({ name: 'S', subjects: ['s.*'] });
      const taken = connection.nc.subscribe('taken');
      const late = new PubAcks(connection, { stream: 'S' }, clock);
      const unheard = late.publish(message('s.a'));
      await until('it is refused', () => refusals > 0);
      taken.unsubscribe();
      await connection.sync();
      clock.advance(2_000);
      assert.equal((await unheard).kind, 'unknown');
      assert.deepEqual(await late.publish(message('s.a')), { kind: 'stored', seq: 2, duplicate: false });
      clock.advance(2_000);
    } finally {
      await connection.close();
      await limited.stop();
    }
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
    assert.equal(tooLarge.refusal, 'rejected');
    assert.match(tooLarge.detail, /size/);
    const farTooLarge = await acks.publish(message('s.a', Buffer.alloc(2 * 1024 * 1024)));
    assert.equal(farTooLarge.kind, 'refused');
    clock.advance(2_000);
  });

  it('where nobody listens it is certainly not stored', async () => {
    const outcome = await acks.publish(message('nowhere'));
    assert.ok(outcome.kind === 'refused');
    assert.equal(outcome.refusal, 'unready');
    assert.match(outcome.detail, /nowhere.*stream S is missing/);
    clock.advance(2_000);
  });

  it("another's answer is none: that of the stream is waited for, and its time is up", async () => {
    const answers = [
      'garbage',
      'null',
      '5',
      '{}',
      '{"error":null}',
      '{"seq":1}',
      '{"error":7}',
      '',
      '{"stream":"T","seq":7}',
      '{"stream":"T","error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"}}',
    ];
    for (const answer of answers) {
      // Whoever else has the subjects of the stream answers first, the stream all the same.
      const stranger = nc.subscribe('s.a', {
        callback: (_, request) => request.respond(Buffer.from(answer)),
      });
      assert.equal((await acks.publish(message('s.a'))).kind, 'stored', answer);
      stranger.unsubscribe();
    }
    let answered = 0;
    nc.subscribe('odd', {
      callback: (_, request) => {
        request.respond(Buffer.from('{"stream":"T","seq":7}'));
        answered++;
      },
    });
    const outcome = acks.publish(message('odd'));
    await until('it is answered', () => answered === 1);
    await nc.flush();
    clock.advance(2_000);
    const ended = await outcome;
    assert.ok(ended.kind === 'unknown');
    assert.match(ended.detail, /stream T/);
  });

  it('a stream of the same name in another domain is another', async () => {
    const there = new PubAcks(through(nc), { stream: 'S', domain: 'hub' }, clock);
    const answer = (fields: object) => Buffer.from(JSON.stringify({ stream: 'S', seq: 5, ...fields }));
    nc.subscribe('odd', {
      callback: (_, request) => {
        request.respond(answer({ domain: 'leaf' }));
        request.respond(answer({ seq: 6, domain: 'hub' }));
      },
    });
    assert.deepEqual(await there.publish(message('odd')), { kind: 'stored', seq: 6, duplicate: false });
    clock.advance(2_000);
  });

  it('what JetStream answers is a refusal with its reason, unless it leaves it open', async () => {
    const errors: [number, string, string][] = [
      [10158, 'duplicate message id is in process', 'unknown'],
      [10063, 'expected stream sequence does not match', 'unknown'],
      [10077, 'maximum messages exceeded', 'full'],
      [10077, 'write /data/1.blk: no space left on device', 'unknown'],
      [10167, 'too many requests', 'unready'],
      [10071, 'wrong last sequence: 3', 'rejected'],
      [10109, 'invalid operation on sealed stream', 'unfit'],
      [99999, 'what a later server may say', 'unknown'],
    ];
    const replies = errors.map(([err_code, description]) => ({
      stream: 'S',
      error: { code: 400, err_code, description },
    }));
    nc.subscribe('odd', {
      callback: (_, request) => request.respond(Buffer.from(JSON.stringify(replies.shift()))),
    });
    for (const [code, description, told] of errors) {
      const outcome = await acks.publish(message('odd'));
      assert.ok(outcome.kind !== 'stored');
      assert.equal(outcome.kind === 'refused' ? outcome.refusal : 'unknown', told);
      assert.equal(outcome.detail, `${description} (${code})`);
    }
    clock.advance(2_000);
  });

  it('what was not permitted is refused, what was permitted before is not', async () => {
    let reply: (() => void) | undefined;
    nc.subscribe('odd', {
      callback: (_, request) => (reply = () => void request.respond(Buffer.from('{"stream":"S","seq":9}'))),
    });
    const permitted = acks.publish(message('odd'));
    await until('the first is on its way', () => reply);
    const not = acks.publish(message('odd'));
    const told: string[] = [];
    for (const outcome of [permitted, not]) void outcome.then(({ kind }) => told.push(kind));
    const answerFirst = reply;
    await until('the second is on its way', () => reply !== answerFirst);
    acks.forbidden('odd');
    await nc.flush();
    assert.deepEqual(told, [], 'it may be either');
    answerFirst?.();
    assert.equal((await permitted).kind, 'stored');
    const refused = await not;
    assert.ok(refused.kind === 'refused');
    assert.equal(refused.refusal, 'forbidden');
    assert.match(refused.detail, /publish odd/);
    clock.advance(2_000);
  });

  it('tests whether a message would reach the stream, and stores nothing', async () => {
    assert.equal(await acks.test('s.a'), undefined);
    assert.equal((await acks.test('nowhere'))?.kind, 'refused');
    const { state } = await (await nc.jetstreamManager()).streams.info('S');
    assert.equal(state.last_seq, 0);
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
    let resolved = false;
    void slow.then(() => (resolved = true));
    clock.advance(1_999);
    await nc.flush();
    assert.equal(resolved, false);
    clock.advance(1);
    assert.equal((await slow).kind, 'unknown');
    reply?.();
    await nc.flush();
    assert.equal((await acks.publish(message('s.a'))).kind, 'stored');
    clock.advance(2_000);
  });

  it('a connection that is closed resolves what waits', async () => {
    nc.subscribe('mute', { callback: () => undefined });
    const waiting = acks.publish(message('mute'));
    await acks.publish(message('s.a'));
    await nc.close();
    assert.equal((await waiting).kind, 'unknown');
    const after = await acks.publish(message('s.a'));
    assert.equal(after.kind === 'refused' && after.refusal, 'away');
    clock.advance(2_000);
  });
});

describe('publish acknowledgements on a leaf node', () => {
  it('are those of the stream that is meant, though another has its subjects, and even its name', async () => {
    const [port] = await freePorts(1);
    const leafnodes = `leafnodes { listen: "127.0.0.1:${port}" }`;
    await using hub = await startNats({
      config: `server_name: hub, jetstream { domain: hub }\n${leafnodes}`,
    });
    const remotes = `leafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:${port}" }] }`;
    await using leaf = await startNats({
      config: `server_name: leaf, jetstream { domain: leaf }\n${remotes}`,
    });
    const nc = await connect({ servers: leaf.url });
    const atHub = await connect({ servers: hub.url });
    try {
      const ours = await nc.jetstreamManager();
      const theirs = await atHub.jetstreamManager();
      for (const jsm of [theirs, ours]) await jsm.streams.add({ name: 'S', subjects: ['s.*'] });
      await atHub.jetstream().publish('s.a', 'x');
      // From here on whatever the leaf publishes is stored by both.
      await until('the hub stores what the leaf publishes', async () => {
        nc.publish('s.a', payload);
        return (await theirs.streams.info('S')).state.messages > 3;
      });
      await ours.streams.purge('S');
      const { last_seq } = (await ours.streams.info('S')).state;
      const clock = new ManualClock();
      const acks = new PubAcks(through(nc), { stream: 'S', domain: 'leaf' }, clock);
      const outcomes = await Promise.all(Array.from({ length: 200 }, () => acks.publish(message('s.b'))));
      assert.deepEqual(
        outcomes,
        outcomes.map((_, n) => ({ kind: 'stored', seq: last_seq + n + 1, duplicate: false })),
      );
      await until('the hub has stored them, too', async () => {
        const { state } = await theirs.streams.info('S', { subjects_filter: 's.b' });
        return state.subjects?.['s.b'] === 200;
      });
      const elsewhere = new PubAcks(through(nc), { stream: 'S', domain: 'nowhere' }, clock);
      const outcome = elsewhere.publish(message('s.b'));
      await until('both have answered', async () => {
        const { state } = await theirs.streams.info('S', { subjects_filter: 's.b' });
        return state.subjects?.['s.b'] === 201;
      });
      await atHub.flush();
      await nc.flush();
      clock.advance(2_000);
      const ended = await outcome;
      assert.ok(ended.kind === 'unknown');
      assert.match(ended.detail, /stream S of the domain (hub|leaf)/);
      clock.advance(2_000);
    } finally {
      await nc.close();
      await atHub.close();
    }
  });
});
