import assert from 'node:assert/strict';
import type { PublishResult } from '../../client/index.ts';
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

  it('gives up when aborted', async () => {
    const abort = new AbortController();
    const result = publish('r1', gift, { signal: abort.signal });
    abort.abort(new Error('enough'));
    await assert.rejects(result, { message: 'enough' });
    scripted.welcome();
    assert.equal(publishes(scripted).length, 0);
  });

  it('rejects what is pending when the client is closed', async () => {
    const sent = publish('r1', gift);
    scripted.welcome();
    await scripted.client.close();
    await assert.rejects(sent, { reason: 'PUBLISH_OUTCOME_UNKNOWN' });
    assert.equal(scripted.clock.pending, 0);
  });
});
