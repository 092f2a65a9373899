import assert from 'node:assert/strict';
import type { ConnectionState } from '../../client/index.ts';
import {
  batch,
  brief,
  caughtUp,
  cursorAt,
  HEARTBEAT_MS,
  joined,
  Reader,
  ScriptedClient,
} from '../helpers/scripted-client.ts';
import { settle } from '../helpers/settle.ts';

/** Everything that leads from one state to the next, in words. */
const ways: Record<
  Exclude<ConnectionState['kind'], 'idle' | 'closed'>,
  (scripted: ScriptedClient) => void
> = {
  connecting: () => undefined,
  live: (scripted) => scripted.welcome(),
  suspect: (scripted) => {
    scripted.welcome();
    scripted.clock.advance(HEARTBEAT_MS * 2 + 250);
  },
  moving: (scripted) => {
    scripted.welcome();
    scripted.receive({ reconnect: { afterMs: 10, reason: 'REASON_DRAINING' } });
  },
  backoff: (scripted) => {
    scripted.welcome();
    scripted.transport.link.end();
  },
};

describe('client close', () => {
  for (const [name, lead] of Object.entries(ways)) {
    it(`ends everything when a listener calls it at ${name}`, async () => {
      const scripted = new ScriptedClient();
      scripted.client.on('state', (state) => {
        if (state.kind === name) void scripted.client.close();
      });
      const subscription = scripted.client.join('r1');
      const published = scripted.client.publish('r1', { type: 'gift', payload: '' });
      const rejected = assert.rejects(published, { name: 'LiveError' });
      lead(scripted);
      assert.equal(scripted.stateName, 'closed');
      assert.equal(scripted.clock.pending, 0);
      const { links } = scripted.transport;
      assert.equal(links.length, name === 'connecting' ? 0 : 1, 'who is closed in time does not connect');
      assert.ok(links.every(({ destroyed }) => destroyed));
      assert.deepEqual(await new Reader(subscription).next(), { done: true, value: undefined });
      await rejected;
      assert.equal(scripted.states.at(-1), 'closed');
    });
  }

  it('ends everything when it is called because the connection was lost', () => {
    const scripted = new ScriptedClient();
    scripted.client.on('upstream', (upstream) => {
      if (upstream === 'UNSPECIFIED') void scripted.client.close();
    });
    scripted.client.join('r1');
    scripted.welcome();
    scripted.receive({ heartbeat: { upstream: 'UPSTREAM_OK' } });
    scripted.transport.link.end();
    assert.deepEqual(scripted.states, ['connecting', 'live', 'closed']);
    assert.equal(scripted.clock.pending, 0);
  });

  it('ends everything when it is called because a move begins', () => {
    const scripted = new ScriptedClient();
    scripted.client.on('upstream', (upstream) => {
      if (upstream === 'UNSPECIFIED') void scripted.client.close();
    });
    scripted.client.join('r1');
    scripted.welcome();
    scripted.receive({ heartbeat: { upstream: 'UPSTREAM_OK' } });
    scripted.receive({ reconnect: { afterMs: 10, reason: 'REASON_DRAINING' } });
    scripted.clock.advance(10);
    assert.equal(scripted.stateName, 'closed');
    assert.equal(scripted.transport.links.length, 1);
    assert.equal(scripted.clock.pending, 0);
  });

  it('ends an iteration at once: what is queued was not handled', async () => {
    const scripted = new ScriptedClient();
    const subscription = scripted.client.join('r1', { cursorName: 'me' });
    const reader = new Reader(subscription);
    scripted.welcome();
    scripted.receive(joined('r1', 0), batch('r1', [1, 0], [2, 1], [3, 2]), caughtUp('r1', 3));
    assert.deepEqual((await reader.take(2)).map(brief), ['joined 0 STARTED', 'message 1']);
    await scripted.client.close();
    assert.deepEqual(await reader.next(), { done: true, value: undefined });
    assert.deepEqual(subscription.cursor, { ...cursorAt(1), seq: 1n });
  });

  it('tells listeners in the order in which things happened', async () => {
    const scripted = new ScriptedClient();
    const second: string[] = [];
    scripted.client.on('state', ({ kind: name }) => {
      if (name === 'live') void scripted.client.close();
    });
    scripted.client.on('state', ({ kind: name }) => second.push(name));
    scripted.client.join('r1');
    scripted.welcome();
    await settle();
    assert.deepEqual(second, ['connecting', 'live', 'closed']);
  });

  describe('a listener that throws', () => {
    let uncaught: unknown[];
    let before: NodeJS.UncaughtExceptionListener[];
    const note = (error: unknown): void => void uncaught.push(error);

    beforeEach(() => {
      uncaught = [];
      before = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      process.on('uncaughtException', note);
    });

    afterEach(() => {
      process.off('uncaughtException', note);
      for (const listener of before) process.on('uncaughtException', listener);
    });

    it('disturbs neither the client nor the others, and is told to the process', async () => {
      const scripted = new ScriptedClient();
      const heard: string[] = [];
      const broken = new Error('a defect of the application');
      scripted.client.on('state', () => {
        throw broken;
      });
      scripted.client.on('upstream', () => {
        throw broken;
      });
      scripted.client.on('state', ({ kind: name }) => heard.push(name));
      scripted.client.once('state', () => heard.push('once'));
      const reader = new Reader(scripted.client.join('r1'));
      scripted.welcome();
      scripted.receive(
        { heartbeat: { upstream: 'UPSTREAM_DEGRADED' } },
        joined('r1', 0),
        batch('r1', [1, 0]),
        caughtUp('r1', 1),
      );
      assert.deepEqual((await reader.take(3)).map(brief), ['joined 0 STARTED', 'message 1', 'caughtUp 1']);
      await settle();
      assert.deepEqual(uncaught, [broken, broken, broken]);
      assert.deepEqual(heard, ['connecting', 'once', 'live']);
      await scripted.client.close();
      await settle();
      assert.equal(scripted.clock.pending, 0);
    });
  });
});
