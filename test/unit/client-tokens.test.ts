import assert from 'node:assert/strict';
import type { TokenSource } from '../../client/index.ts';
import { LiveError } from '../../client/index.ts';
import { status } from '../../protos/status-codes.ts';
import { brief, Reader, refusal, ScriptedClient } from '../helpers/scripted-client.ts';
import { settle } from '../helpers/settle.ts';

const expired = (): LiveError =>
  new LiveError(status.UNAUTHENTICATED, 'expired', { reason: 'TOKEN_EXPIRED' });

/** The application's backend: gives `token-1`, `token-2` … when the test lets it. */
class Backend {
  asked = 0;
  readonly #waiting: ((token: Promise<string>) => void)[] = [];

  readonly source = (): Promise<string> => {
    this.asked += 1;
    return new Promise((resolve) => this.#waiting.push(resolve));
  };

  async give(): Promise<void> {
    this.#waiting.shift()?.(Promise.resolve(`token-${this.asked}`));
    await settle();
  }

  async fail(error: Error): Promise<void> {
    const failed = Promise.reject(error);
    failed.catch(() => undefined);
    this.#waiting.shift()?.(failed);
    await settle();
  }
}

describe('client tokens', () => {
  const helloToken = ({ transport }: ScriptedClient): string | undefined =>
    transport.link.sent[0]?.hello?.token;
  const renewals = ({ transport }: ScriptedClient): { token: string; room: string }[] =>
    transport.link.sent.flatMap(({ renew }) => (renew ? [renew] : []));

  async function connected(source: TokenSource, backend?: Backend): Promise<ScriptedClient> {
    const scripted = new ScriptedClient({ token: source });
    scripted.client.join('r');
    await settle();
    await backend?.give();
    scripted.welcome();
    return scripted;
  }

  it('go with Hello', async () => {
    const scripted = await connected('fixed');
    assert.equal(helloToken(scripted), 'fixed');
    await scripted.client.close();
  });

  it('are asked for before the connection is made, once for many connections', async () => {
    const backend = new Backend();
    const scripted = new ScriptedClient({ token: backend.source });
    scripted.client.join('r');
    await settle();
    assert.deepEqual([scripted.stateName, scripted.transport.links.length], ['connecting', 0]);
    await backend.give();
    assert.equal(helloToken(scripted), 'token-1');
    assert.deepEqual(scripted.transport.link.sentNames, ['hello', 'join']);
    scripted.welcome();
    scripted.transport.link.end();
    scripted.waitOutBackoff();
    assert.deepEqual(
      [helloToken(scripted), backend.asked, scripted.transport.links.length],
      ['token-1', 1, 2],
    );
    await scripted.client.close();
  });

  it('that have expired are replaced, and the client goes on', async () => {
    const backend = new Backend();
    const scripted = await connected(backend.source, backend);
    scripted.transport.link.end(expired());
    assert.equal(scripted.stateName, 'backoff');
    scripted.waitOutBackoff();
    await settle();
    await backend.give();
    assert.deepEqual([helloToken(scripted), scripted.transport.links.length], ['token-2', 2]);
    await scripted.client.close();
  });

  it('that have expired end the client if there is no other; wrong ones always do', async () => {
    const fixed = await connected('fixed');
    fixed.transport.link.end(expired());
    assert.equal(fixed.stateName, 'closed');
    const backend = new Backend();
    const wrong = await connected(backend.source, backend);
    wrong.transport.link.end(new LiveError(status.UNAUTHENTICATED, 'wrong', { reason: 'TOKEN_INVALID' }));
    assert.equal(wrong.stateName, 'closed');
  });

  it('are renewed when the gateway asks, without an interruption', async () => {
    const backend = new Backend();
    const scripted = await connected(backend.source, backend);
    scripted.receive({ tokenExpiring: { room: '', expiresInMs: 60_000 } });
    await settle();
    assert.deepEqual(renewals(scripted), []);
    await backend.give();
    assert.deepEqual(renewals(scripted), [{ token: 'token-2', room: '' }]);
    scripted.receive({ tokenRenewed: { room: '' } });
    assert.deepEqual([scripted.stateName, scripted.transport.links.length], ['live', 1]);
    await scripted.client.close();
  });

  it('that come too late for one connection go to the next', async () => {
    const backend = new Backend();
    const scripted = await connected(backend.source, backend);
    scripted.receive({ tokenExpiring: { room: '', expiresInMs: 60_000 } });
    scripted.transport.link.end();
    scripted.waitOutBackoff();
    await settle();
    assert.equal(scripted.transport.links.length, 1);
    await backend.give();
    assert.deepEqual([helloToken(scripted), renewals(scripted), backend.asked], ['token-2', [], 2]);
    await scripted.client.close();
  });

  it('that cannot be had are asked for again, after a while', async () => {
    const backend = new Backend();
    const scripted = new ScriptedClient({ token: backend.source });
    scripted.client.join('r');
    await settle();
    await backend.fail(new Error('the backend is away'));
    const { state } = scripted.client;
    assert.ok(state.kind === 'backoff');
    assert.match(state.cause.message, /no token: the backend is away/);
    scripted.waitOutBackoff();
    await settle();
    await backend.give();
    assert.equal(helloToken(scripted), 'token-2');
    await scripted.client.close();
  });

  it('that never come are asked for again', async () => {
    const backend = new Backend();
    const scripted = new ScriptedClient({ token: backend.source });
    scripted.client.join('r');
    await settle();
    scripted.clock.advance(3_000);
    assert.equal(scripted.stateName, 'backoff');
    scripted.waitOutBackoff();
    await settle();
    assert.equal(backend.asked, 2);
    await scripted.client.close();
  });

  it('that the application refuses end the client', async () => {
    const backend = new Backend();
    const scripted = new ScriptedClient({ token: backend.source });
    scripted.client.join('r');
    await settle();
    await backend.fail(new LiveError(status.PERMISSION_DENIED, 'signed out'));
    assert.equal(scripted.stateName, 'closed');
  });

  it('go with calls, and an expired one is replaced once', async () => {
    let made = 0;
    const scripted = new ScriptedClient({ token: () => `token-${++made}` });
    const asked = scripted.client.room('r');
    await settle();
    assert.equal(scripted.transport.call.token, 'token-1');
    const { endpoint } = scripted.transport.call;
    scripted.transport.call.fail(expired());
    await settle();
    assert.deepEqual(
      [scripted.transport.calls.length, scripted.transport.call.token, scripted.transport.call.endpoint],
      [2, 'token-2', endpoint],
    );
    scripted.transport.call.fail(expired());
    await assert.rejects(asked, { reason: 'TOKEN_EXPIRED' });
    assert.equal(scripted.transport.calls.length, 2);
    await scripted.client.close();
  });

  it('are asked for once, however many calls have had the one that has expired', async () => {
    let made = 0;
    const scripted = new ScriptedClient({ token: () => `token-${++made}` });
    const asked = [scripted.client.room('a'), scripted.client.room('b')];
    await settle();
    const [first, second] = [...scripted.transport.calls];
    first?.fail(expired());
    await settle();
    second?.fail(expired());
    await settle();
    assert.deepEqual(
      scripted.transport.calls.map(({ token }) => token),
      ['token-1', 'token-1', 'token-2', 'token-2'],
    );
    const closed = Promise.allSettled(asked);
    await scripted.client.close();
    await closed;
  });

  it('that do not come for a call are nobody’s fault but the application’s, and asked for again', async () => {
    const backend = new Backend();
    const scripted = new ScriptedClient({ token: backend.source });
    const first = scripted.client.room('r', { timeoutMs: 500 });
    await settle();
    scripted.clock.advance(500);
    await assert.rejects(first, { codeName: 'DEADLINE_EXCEEDED' });
    const second = scripted.client.room('r', { timeoutMs: 500 });
    await settle();
    assert.equal(backend.asked, 2);
    const refused = assert.rejects(second, /no token: away/);
    await backend.fail(new Error('too late'));
    await backend.fail(new Error('away'));
    await refused;
    assert.deepEqual([backend.asked, scripted.transport.calls.length], [2, 0]);
    await scripted.client.close();
  });

  describe('of a room', () => {
    it('go with its Join, which waits for them; other rooms do not', async () => {
      const backend = new Backend();
      const scripted = new ScriptedClient();
      scripted.client.join('a', { token: backend.source });
      scripted.client.join('b', { token: 'fixed' });
      scripted.welcome();
      await settle();
      const joins = (): unknown[] =>
        scripted.transport.link.sent.flatMap(({ join }) => (join ? [[join.room, join.token]] : []));
      assert.deepEqual(joins(), [['b', 'fixed']]);
      await backend.give();
      assert.deepEqual(joins(), [
        ['b', 'fixed'],
        ['a', 'token-1'],
      ]);
      await scripted.client.close();
    });

    it('are renewed, and asked for again when they have expired', async () => {
      const backend = new Backend();
      const scripted = new ScriptedClient();
      scripted.client.join('a', { token: backend.source });
      scripted.welcome();
      await settle();
      await backend.give();
      scripted.receive({ tokenExpiring: { room: 'a', expiresInMs: 60_000 } });
      await settle();
      await backend.give();
      assert.deepEqual(renewals(scripted), [{ token: 'token-2', room: 'a' }]);
      scripted.receive({ roomError: { room: 'a', refusal: refusal('TOKEN_EXPIRED', 'expired') } });
      scripted.waitOutBackoff();
      await settle();
      await backend.give();
      assert.equal(scripted.transport.link.sent.at(-1)?.join?.token, 'token-3');
      await scripted.client.close();
    });

    it('that never come are told, and asked for again', async () => {
      const backend = new Backend();
      const scripted = new ScriptedClient();
      const reader = new Reader(scripted.client.join('a', { token: backend.source }));
      scripted.welcome();
      await settle();
      for (let second = 0; second < 3; second++) {
        scripted.clock.advance(1_000);
        scripted.receive({ heartbeat: {} });
      }
      assert.equal(brief((await reader.take(1))[0]!), 'retrying UNSPECIFIED');
      scripted.waitOutBackoff();
      await settle();
      assert.equal(backend.asked, 2);
      await scripted.client.close();
    });

    it('that are none are not asked for without end', async () => {
      let asked = 0;
      const source = (): string => {
        if (++asked > 10) throw new LiveError(status.PERMISSION_DENIED, 'asked without end');
        return undefined as unknown as string;
      };
      const scripted = new ScriptedClient();
      scripted.client.join('a', { token: source });
      scripted.welcome();
      await settle();
      assert.deepEqual([asked, scripted.transport.link.sent.at(-1)?.join?.token], [1, '']);
      await scripted.client.close();
    });

    it('end its iteration if there is no other', async () => {
      const scripted = new ScriptedClient();
      const subscription = scripted.client.join('a', { token: 'fixed' });
      scripted.welcome();
      scripted.receive({ roomError: { room: 'a', refusal: refusal('TOKEN_EXPIRED', 'expired') } });
      await assert.rejects(
        async () => {
          for await (const _ of subscription);
        },
        { reason: 'TOKEN_EXPIRED' },
      );
      await scripted.client.close();
    });
  });
});
