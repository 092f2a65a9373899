import assert from 'node:assert/strict';
import type { PublishResult } from '../../client/index.ts';
import { LiveError } from '../../client/index.ts';
import type { PublishResultInput } from '../../protos/gen/live/v1/PublishResult.ts';
import { refusal, ScriptedClient } from '../helpers/scripted-client.ts';

const gift = { type: 'gift', payload: '{"n":1}' };

/** The publishes sent on the newest link. */
const publishes = (scripted: ScriptedClient) =>
  scripted.transport.link.sent.flatMap(({ publish }) => (publish ? [publish] : []));

function reconnect(scripted: ScriptedClient): void {
  scripted.transport.link.end();
  scripted.waitOutBackoff();
  scripted.welcome();
}

describe('client publisher', () => {
  let scripted: ScriptedClient;

  beforeEach(() => {
    scripted = new ScriptedClient();
  });

  /** Publishes, and looks at the result when the test does. */
  function publish(...args: Parameters<ScriptedClient['client']['publish']>): Promise<PublishResult> {
    const result = scripted.client.publish(...args);
    result.catch(() => undefined);
    return result;
  }

  /** Answers the publish that was sent as number `index` on the newest link. */
  function answer(index: number, outcome: Omit<PublishResultInput, 'requestId'>): void {
    const { requestId } = publishes(scripted)[index]!;
    scripted.receive({ publishResults: { results: [{ requestId, ...outcome }] } });
  }

  /** What a publish was rejected with. */
  async function rejection(result: Promise<PublishResult>) {
    const error = await result.catch((thrown: unknown) => thrown);
    assert.ok(error instanceof LiveError);
    const { codeName, reason, key, cause } = error;
    return { codeName, reason, key, cause };
  }

  it('waits for the gateway and gives sequence and duplicate', async () => {
    const result = publish('r1', gift);
    assert.deepEqual(scripted.transport.link.sentNames, ['hello']);
    scripted.welcome();
    const { requestId, request } = publishes(scripted)[0]!;
    assert.equal(request!.payload.toString(), '{"n":1}');
    assert.equal(request!.deliveryClass, 'DELIVERY_CLASS_RELIABLE');
    assert.match(request!.key, /^[0-9a-f-]{36}$/);
    scripted.receive({
      publishResults: { results: [{ requestId, published: { seq: '9007199254740993', duplicate: true } }] },
    });
    assert.deepEqual(await result, { seq: 9007199254740993n, duplicate: true });
    assert.equal(scripted.clock.pending, 2, 'watchdog and acknowledgements');
  });

  it('sends a reliable message again, with the same key and in order, until it is answered', async () => {
    const results = [publish('r1', gift), publish('r1', { ...gift, key: 'mine' })];
    scripted.welcome();
    const first = publishes(scripted);
    reconnect(scripted);
    const second = publishes(scripted);
    assert.deepEqual(
      second.map(({ request }) => request?.key),
      first.map(({ request }) => request?.key),
    );
    assert.equal(second[1]?.request?.key, 'mine');
    for (const { requestId } of second)
      scripted.receive({ publishResults: { results: [{ requestId, published: { seq: requestId } }] } });
    assert.deepEqual(
      (await Promise.all(results)).map(({ seq }) => seq),
      [1n, 2n],
    );
    assert.equal(scripted.client.counters.publishesResent, 2);
  });

  it('takes an empty key for none, and sends again under the one that it made', async () => {
    void publish('r1', { ...gift, key: '' });
    void publish('r1', { ...gift, key: '' });
    scripted.welcome();
    const first = publishes(scripted).map(({ request }) => request?.key);
    reconnect(scripted);
    const second = publishes(scripted).map(({ request }) => request?.key);
    assert.match(first[0]!, /^[0-9a-f-]{36}$/);
    assert.notEqual(first[0], first[1]);
    assert.deepEqual(second, first);
    await scripted.client.close();
  });

  it('says that the outcome is unknown, with the key, when time runs out after sending', async () => {
    const result = publish('r1', { ...gift, key: 'k' }, { timeoutMs: 900 });
    scripted.welcome();
    scripted.clock.advance(900);
    await assert.rejects(result, {
      reason: 'PUBLISH_OUTCOME_UNKNOWN',
      key: 'k',
      message: /same key is safe/,
    });
  });

  it('says that nothing was sent when time runs out before', async () => {
    const result = publish('r1', gift, { timeoutMs: 900 });
    scripted.clock.advance(900);
    await assert.rejects(result, {
      codeName: 'UNAVAILABLE',
      reason: 'UNSPECIFIED',
      message: /not sent/,
    });
  });

  it('never sends an ephemeral message twice', async () => {
    const sent = publish('r1', { type: 'like', payload: '' });
    scripted.welcome();
    scripted.transport.link.end();
    const waiting = publish('r1', { type: 'comment', payload: '' });
    scripted.waitOutBackoff();
    scripted.welcome();
    assert.deepEqual(
      publishes(scripted).map(({ request }) => request?.type),
      ['comment'],
    );
    await assert.rejects(sent, { reason: 'PUBLISH_OUTCOME_UNKNOWN', message: /not sent again/ });
    const { requestId } = publishes(scripted)[0]!;
    scripted.receive({ publishResults: { results: [{ requestId, published: {} }] } });
    assert.deepEqual(await waiting, { seq: 0n, duplicate: false });
  });

  it('has no more in flight than the gateway allows', async () => {
    const results = [1, 2, 3].map(() => publish('r1', gift));
    scripted.welcome(2);
    assert.equal(publishes(scripted).length, 2);
    scripted.receive({
      publishResults: { results: [{ requestId: publishes(scripted)[0]!.requestId, published: { seq: 1 } }] },
    });
    await results[0];
    assert.equal(publishes(scripted).length, 3);
  });

  it('refuses more than may wait', async () => {
    scripted = new ScriptedClient({ maxPendingPublishes: 1 });
    void publish('r1', gift);
    await assert.rejects(publish('r1', gift), { reason: 'TOO_MANY_PUBLISHES' });
  });

  it('tries again when refused for now, and rejects when refused for good', async () => {
    const later = publish('r1', gift);
    const never = publish('r1', gift);
    scripted.welcome();
    const [first, second] = publishes(scripted);
    const results = [
      { requestId: first!.requestId, refusal: refusal('UPSTREAM_UNAVAILABLE', 'away') },
      { requestId: second!.requestId, refusal: refusal('PAYLOAD_TOO_LARGE', 'big') },
    ];
    scripted.receive({ publishResults: { results } });
    await assert.rejects(never, { reason: 'PAYLOAD_TOO_LARGE', codeName: 'INVALID_ARGUMENT' });
    scripted.clock.advance(249);
    assert.equal(publishes(scripted).length, 2, 'not before the gateway wants it');
    scripted.clock.advance(1);
    const again = publishes(scripted)[2];
    assert.equal(again?.request?.key, first?.request?.key);
    scripted.receive({
      publishResults: { results: [{ requestId: again!.requestId, published: { seq: 4 } }] },
    });
    assert.equal((await later).seq, 4n);
  });

  describe('when time runs out', () => {
    /** Answers the newest publish with a refusal, and lets the client send it again. */
    function refuse(reason: 'STREAM_FULL' | 'PUBLISH_OUTCOME_UNKNOWN' | 'STREAM_UNAVAILABLE'): void {
      const { requestId } = publishes(scripted).at(-1)!;
      const result = { requestId, refusal: refusal(reason, `because of ${reason}`) };
      scripted.receive({ publishResults: { results: [result] } });
      scripted.clock.advance(500);
    }

    it('says why nothing is stored if every attempt was refused', async () => {
      const result = publish('r1', gift, { timeoutMs: 2_000 });
      scripted.welcome();
      refuse('STREAM_UNAVAILABLE');
      const { requestId } = publishes(scripted).at(-1)!;
      assert.equal(publishes(scripted).length, 2);
      const full = { requestId, refusal: refusal('STREAM_FULL', 'full') };
      scripted.clock.advance(1_499);
      scripted.receive({ publishResults: { results: [full] } });
      scripted.clock.advance(1);
      await assert.rejects(result, { reason: 'STREAM_FULL', message: 'full' });
    });

    it('does not begin another attempt that could leave open what is certain', async () => {
      const result = publish('r1', gift, { timeoutMs: 900 });
      scripted.welcome();
      refuse('STREAM_UNAVAILABLE');
      refuse('STREAM_UNAVAILABLE');
      assert.equal(publishes(scripted).length, 2);
      await assert.rejects(result, { reason: 'STREAM_UNAVAILABLE' });
    });

    it('leaves open what one attempt left open', async () => {
      const result = publish('r1', gift, { timeoutMs: 2_000 });
      scripted.welcome();
      refuse('PUBLISH_OUTCOME_UNKNOWN');
      refuse('STREAM_FULL');
      reconnect(scripted);
      await assert.rejects(result, { reason: 'PUBLISH_OUTCOME_UNKNOWN' });
    });

    it('leaves open what was answered in a way that is not known', async () => {
      const result = publish('r1', gift, { timeoutMs: 2_000 });
      scripted.welcome();
      scripted.receive({ publishResults: { results: [{ requestId: publishes(scripted)[0]!.requestId }] } });
      scripted.clock.advance(500);
      assert.equal(publishes(scripted).length, 2);
      refuse('STREAM_FULL');
      scripted.clock.advance(1_000);
      await assert.rejects(result, { reason: 'PUBLISH_OUTCOME_UNKNOWN' });
    });

    it('leaves open what was not answered', async () => {
      const result = publish('r1', gift, { timeoutMs: 2_000 });
      scripted.welcome();
      refuse('STREAM_FULL');
      scripted.clock.advance(1_500);
      await assert.rejects(result, { reason: 'PUBLISH_OUTCOME_UNKNOWN' });
    });

    it('leaves open what a lost connection left open, even if it is refused for good later', async () => {
      const result = publish('r1', gift, { timeoutMs: 5_000 });
      scripted.welcome();
      reconnect(scripted);
      const { requestId } = publishes(scripted).at(-1)!;
      const forbidden = { requestId, refusal: refusal('PUBLISH_FORBIDDEN', 'no permission') };
      scripted.receive({ publishResults: { results: [forbidden] } });
      await assert.rejects(result, { reason: 'PUBLISH_OUTCOME_UNKNOWN', message: /no permission/ });
    });

    it('the gateway is asked to be done before', () => {
      void publish('r1', gift, { timeoutMs: 10_000 });
      void publish('r1', gift, { timeoutMs: 1_000 });
      scripted.clock.advance(500);
      scripted.welcome();
      assert.deepEqual(
        publishes(scripted).map(({ request }) => request?.timeoutMs),
        [8_500, 400],
      );
    });
  });

  it('asks for the class of a type that is not known by name', async () => {
    await assert.rejects(publish('r1', { type: 'fireworks', payload: '' }), { reason: 'TYPE_UNKNOWN' });
    void publish('r1', { type: 'fireworks', payload: '', class: 'EPHEMERAL' });
    scripted.welcome();
    assert.equal(publishes(scripted)[0]?.request?.deliveryClass, 'DELIVERY_CLASS_EPHEMERAL');
  });

  describe('when aborted', () => {
    const enough = new Error('enough');
    let abort: AbortController;

    beforeEach(() => {
      abort = new AbortController();
    });

    const publishAbortable = () => publish('r1', { ...gift, key: 'k' }, { signal: abort.signal });

    it('is not sent, and says so with its key and the reason for it', async () => {
      const waiting = publishAbortable();
      abort.abort(enough);
      const late = publishAbortable();
      for (const result of [waiting, late]) {
        const { cause, ...told } = await rejection(result);
        assert.deepEqual(told, { codeName: 'CANCELLED', reason: 'UNSPECIFIED', key: 'k' });
        assert.equal(cause, enough);
      }
      scripted.welcome();
      assert.equal(publishes(scripted).length, 0);
    });

    it('leaves open what was sent', async () => {
      const result = publishAbortable();
      scripted.welcome();
      abort.abort(enough);
      const told = await rejection(result);
      assert.deepEqual(told, {
        codeName: 'UNAVAILABLE',
        reason: 'PUBLISH_OUTCOME_UNKNOWN',
        key: 'k',
        cause: enough,
      });
    });

    it('says why nothing is stored if every attempt was refused', async () => {
      const result = publishAbortable();
      scripted.welcome();
      answer(0, { refusal: refusal('STREAM_FULL', 'full') });
      abort.abort(enough);
      const told = await rejection(result);
      assert.deepEqual(told, { codeName: 'CANCELLED', reason: 'STREAM_FULL', key: 'k', cause: enough });
    });
  });

  it('tells the key whatever it is refused for', async () => {
    const unknownType = await rejection(publish('r1', { type: 'fireworks', payload: '', key: 'k' }));
    assert.equal(unknownType.key, 'k');
    const waiting = publish('r1', { ...gift, key: 'k' });
    await scripted.client.close();
    assert.equal((await rejection(waiting)).key, 'k');
  });

  describe('the order of the calls', () => {
    /** The payloads of what was sent on the newest link. */
    const sent = (): string[] => publishes(scripted).map(({ request }) => request!.payload.toString());

    it('is kept when one gives up that the gateway still has: it keeps its place there', async () => {
      const first = publish('r1', { type: 'gift', payload: '1' }, { timeoutMs: 900 });
      const second = publish('r1', { type: 'gift', payload: '2' });
      const last = publish('r1', { type: 'gift', payload: '3' }, { timeoutMs: 950 });
      scripted.welcome(1);
      scripted.clock.advance(900);
      await assert.rejects(first, { reason: 'PUBLISH_OUTCOME_UNKNOWN' });
      assert.deepEqual(sent(), ['1'], 'the gateway takes one at once');
      scripted.clock.advance(50);
      await assert.rejects(last, { message: /not sent: no results of earlier publishes within 950 ms/ });
      answer(0, { published: { seq: 1 } });
      assert.deepEqual(sent(), ['1', '2']);
      answer(1, { published: { seq: 2 } });
      assert.equal((await second).seq, 2n);
    });

    it('begins anew with a new connection', () => {
      const abort = new AbortController();
      void publish('r1', { type: 'gift', payload: '1' }, { signal: abort.signal });
      void publish('r1', { type: 'gift', payload: '2' });
      scripted.welcome(1);
      abort.abort();
      reconnect(scripted);
      assert.deepEqual(sent(), ['2']);
    });

    it('is kept while one rests: nothing of its room goes before it', () => {
      for (const payload of ['1', '2', '3']) void publish('r1', { type: 'gift', payload });
      scripted.welcome(2);
      answer(0, { refusal: refusal('UPSTREAM_UNAVAILABLE', 'away') });
      answer(1, { refusal: refusal('UPSTREAM_UNAVAILABLE', 'away') });
      void publish('r2', { type: 'gift', payload: 'elsewhere' });
      void publish('r1', { type: 'like', payload: 'at once' });
      assert.deepEqual(sent(), ['1', '2', 'elsewhere', 'at once']);
      answer(2, { published: { seq: 1 } });
      answer(3, { published: {} });
      scripted.clock.advance(250);
      assert.deepEqual(sent().slice(4), ['1', '2']);
      answer(4, { published: { seq: 2 } });
      assert.deepEqual(sent().slice(6), ['3']);
    });

    it('is that of the stream for ordered ones: one in flight a room', () => {
      const ordered = { ordered: true };
      void publish('r1', { type: 'gift', payload: 'before' });
      for (const payload of ['1', '2']) void publish('r1', { type: 'gift', payload }, ordered);
      void publish('r1', { type: 'gift', payload: 'after' });
      void publish('r2', { type: 'gift', payload: 'elsewhere' }, ordered);
      scripted.welcome(10);
      assert.deepEqual(sent(), ['before', 'elsewhere']);
      answer(0, { published: { seq: 1 } });
      assert.deepEqual(sent().slice(2), ['1']);
      answer(2, { refusal: refusal('UPSTREAM_UNAVAILABLE', 'away') });
      assert.equal(sent().length, 3);
      scripted.clock.advance(250);
      assert.deepEqual(sent().slice(3), ['1']);
      answer(3, { published: { seq: 2 } });
      assert.deepEqual(sent().slice(4), ['2']);
      answer(4, { published: { seq: 3 } });
      assert.deepEqual(sent().slice(5), ['after']);
    });

    it('waits for an ordered one that was given up', () => {
      const abort = new AbortController();
      void publish('r1', { type: 'gift', payload: '1' }, { ordered: true, signal: abort.signal });
      void publish('r1', { type: 'gift', payload: '2' }, { ordered: true });
      scripted.welcome(10);
      abort.abort();
      assert.deepEqual(sent(), ['1']);
      answer(0, { published: { seq: 1 } });
      assert.deepEqual(sent(), ['1', '2']);
    });
  });

  it('rejects what is pending when the client is closed', async () => {
    const sent = publish('r1', gift);
    scripted.welcome();
    await scripted.client.close();
    await assert.rejects(sent, { reason: 'PUBLISH_OUTCOME_UNKNOWN' });
    assert.equal(scripted.clock.pending, 0);
  });
});
