import assert from 'node:assert/strict';
import { LiveError } from '../../client/index.ts';
import { status } from '../../protos/status-codes.ts';
import { batch, joined, Reader, ScriptedClient } from '../helpers/scripted-client.ts';
import { settle } from '../helpers/settle.ts';

describe('client calls and rooms given up by a signal', () => {
  const reason = new Error('enough');
  let scripted: ScriptedClient;
  let giveUp: AbortController;

  beforeEach(() => {
    scripted = new ScriptedClient();
    giveUp = new AbortController();
  });

  afterEach(() => scripted.client.close());

  const call = () => scripted.transport.call;
  const thrown = (error: unknown): boolean => error === reason;
  const info = { room: 'r1', head: '1', first: '1', count: '1', audience: 0, epoch: 'e', state: null };

  it('leave the room, and throw the reason instead of what waits', async () => {
    const reader = new Reader(scripted.client.join('r1', { signal: giveUp.signal }));
    scripted.welcome();
    scripted.receive(joined('r1', 0), batch('r1', [1, 0]));
    await reader.take(1);
    giveUp.abort(reason);
    await assert.rejects(reader.next(), thrown);
    assert.deepEqual(await reader.next(), { done: true, value: undefined });
    assert.equal(scripted.transport.link.sentNames.at(-1), 'leave');
    scripted.client.join('r1');
  });

  it('end a wait for the next event', async () => {
    const next = new Reader(scripted.client.join('r1', { signal: giveUp.signal })).next();
    giveUp.abort(reason);
    await assert.rejects(next, thrown);
  });

  it('ask for nothing if it was aborted before', async () => {
    giveUp.abort(reason);
    const { signal } = giveUp;
    await assert.rejects(new Reader(scripted.client.join('r1', { signal })).next(), thrown);
    await assert.rejects(scripted.client.room('r1', { signal }), thrown);
    await assert.rejects(scripted.client.pull('r1', { signal }).next(), thrown);
    assert.deepEqual([scripted.transport.links.length, scripted.transport.calls.length], [0, 0]);
    assert.equal(scripted.stateName, 'idle');
  });

  it('reject a question and a pull at once, cancel them, and try no other endpoint', async () => {
    for (const ask of [
      () => scripted.client.room('r1', { signal: giveUp.signal }),
      () => scripted.client.pull('r1', { signal: giveUp.signal }).next(),
    ]) {
      giveUp = new AbortController();
      const calls = scripted.transport.calls.length;
      const asked = ask();
      await settle();
      giveUp.abort(reason);
      await assert.rejects(asked, thrown);
      assert.equal(call().signal.aborted, true);
      assert.equal(scripted.transport.calls.length, calls + 1);
    }
    assert.equal(scripted.clock.pending, 0);
  });

  it('end a pull between two parts', async () => {
    const events = scripted.client.pull('r1', { signal: giveUp.signal });
    const first = events.next();
    await settle();
    const cursor = { epoch: 'e', seq: '1', fingerprint: 1 };
    call().answer({
      batch: null,
      gap: { room: 'r1', after: '0', next: '1', cause: 'CAUSE_RETENTION', cursor },
    } as never);
    assert.equal((await first).value?.kind, 'gap');
    giveUp.abort(reason);
    assert.equal(call().signal.aborted, true);
    await assert.rejects(events.next(), thrown);
  });

  it('time out by the clock of the client, at each endpoint', async () => {
    const asked = scripted.client.room('r1', { timeoutMs: 700 });
    const rejected = assert.rejects(asked, {
      codeName: 'DEADLINE_EXCEEDED',
      message: 'no answer within 700 ms',
    });
    for (const count of [1, 2]) {
      await settle();
      assert.equal(scripted.transport.calls.length, count);
      scripted.clock.advance(700);
      assert.equal(call().signal.aborted, true);
    }
    await rejected;
    assert.notEqual(scripted.transport.calls[0]?.endpoint, scripted.transport.calls[1]?.endpoint);
  });

  it('ask the endpoint first that last answered, and another when it is gone', async () => {
    const asked = scripted.client.room('r1');
    await settle();
    call().fail(new LiveError(status.UNAVAILABLE, 'gone'));
    await settle();
    const second = call().endpoint;
    call().answer(info);
    assert.equal((await asked).head, 1n);
    const again = scripted.client.room('r1');
    await settle();
    assert.equal(call().endpoint, second);
    call().answer(info);
    await again;
  });

  it('are not needed when the client is closed', async () => {
    const asked = scripted.client.room('r1');
    await settle();
    await scripted.client.close();
    await assert.rejects(asked, { codeName: 'CANCELLED', message: 'the client is closed' });
    assert.equal(call().signal.aborted, true);
    assert.equal(scripted.transport.closed, true);
  });

  it('have to be signals', async () => {
    const signal = 'soon' as never;
    const told = { codeName: 'INVALID_ARGUMENT', message: /^signal has to be an AbortSignal/ };
    assert.throws(() => scripted.client.join('r1', { signal }), told);
    assert.throws(() => scripted.client.pull('r1', { signal }), told);
    await assert.rejects(scripted.client.room('r1', { signal }), told);
  });
});
