import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { LiveError } from '../../client/index.ts';
import {
  batch,
  caughtUp,
  cursorAt,
  HEARTBEAT_MS,
  joined,
  refusal,
  ScriptedClient,
} from '../helpers/scripted-client.ts';

const SILENCE_MS = HEARTBEAT_MS * 2 + 250;
const PROBE_MS = 500;

describe('client connection', () => {
  it('sends Hello and the joins of all rooms at once', () => {
    const { client, transport } = new ScriptedClient();
    client.join('r1');
    assert.deepEqual(transport.link.sentNames, ['hello', 'join']);
  });

  it('joins a room asked for while connecting at once, and leaves it too', () => {
    const scripted = new ScriptedClient();
    scripted.client.join('r1');
    scripted.client.join('r2').leave();
    scripted.client.join('r2');
    scripted.welcome();
    assert.deepEqual(scripted.transport.link.sentNames, ['hello', 'join', 'join', 'leave', 'join']);
  });

  it('gives up a connection that is never welcomed', () => {
    const scripted = new ScriptedClient();
    scripted.client.join('r1');
    scripted.clock.advance(3_000);
    assert.equal(scripted.transport.link.destroyed, true);
    assert.equal(scripted.stateName, 'backoff');
  });

  it('suspects after the silence that is allowed, probes, and lives on when anything is heard', () => {
    const scripted = new ScriptedClient();
    scripted.client.join('r1');
    scripted.welcome();
    scripted.clock.advance(SILENCE_MS - 1);
    assert.equal(scripted.stateName, 'live');
    scripted.clock.advance(1);
    assert.equal(scripted.stateName, 'suspect');
    assert.equal(scripted.transport.link.sentNames.at(-1), 'ping');
    scripted.clock.advance(PROBE_MS - 1);
    scripted.receive({ pong: { nonce: 1 } });
    assert.equal(scripted.stateName, 'live');
    assert.deepEqual(scripted.states, ['connecting', 'live', 'suspect', 'live']);
  });

  it('destroys a silent connection within the bound and resumes at the next endpoint', () => {
    const scripted = new ScriptedClient();
    scripted.client.join('r1');
    scripted.welcome();
    const dead = scripted.transport.link;
    scripted.clock.advance(SILENCE_MS + PROBE_MS);
    assert.equal(dead.destroyed, true);
    scripted.waitOutBackoff();
    assert.equal(scripted.transport.link.endpoint, 'b:2');
    assert.equal(scripted.client.counters.probeFailures, 1);
  });

  it('counts silence from the last frame, not from the last look', () => {
    const scripted = new ScriptedClient();
    scripted.client.join('r1');
    scripted.welcome();
    for (let beats = 0; beats < 10; beats += 1) {
      scripted.clock.advance(HEARTBEAT_MS);
      scripted.receive({ heartbeat: {} });
    }
    scripted.clock.advance(SILENCE_MS - 1);
    assert.equal(scripted.stateName, 'live');
    scripted.clock.advance(1);
    assert.equal(scripted.stateName, 'suspect');
  });

  it('takes a part of a frame for a sign of life, and says so; not the few bytes that a proxy may send', () => {
    const scripted = new ScriptedClient();
    const slow: string[] = [];
    scripted.client.on('slow', (bytes, ms, total) => slow.push(`${bytes} of ${total} in ${ms}`));
    scripted.client.join('r1');
    scripted.welcome();
    const { link } = scripted.transport;
    link.bytesReceived += 5_000;
    scripted.clock.advance(SILENCE_MS);
    assert.deepEqual([scripted.stateName, ...slow], ['live', `5000 of undefined in ${SILENCE_MS}`]);
    link.bytesReceived += 20;
    scripted.clock.advance(SILENCE_MS);
    assert.equal(scripted.stateName, 'suspect');
    link.bytesReceived += 5_000;
    link.incoming = { bytes: 9_000, total: 30_000 };
    scripted.clock.advance(500);
    assert.deepEqual([scripted.stateName, slow[1]], ['live', `9000 of 30000 in ${2 * SILENCE_MS + 500}`]);
    scripted.receive({ heartbeat: {} });
    link.bytesReceived += 20;
    scripted.clock.advance(SILENCE_MS + 500);
    assert.equal(scripted.stateName, 'backoff');
    assert.equal(slow.length, 2);
  });

  for (const [when, silences] of [
    ['at the first look', 1],
    ['in answer to a probe', 2],
  ] as const) {
    it(`is closed by who hears that the link is slow, ${when}`, () => {
      const scripted = new ScriptedClient();
      scripted.client.on('slow', () => void scripted.client.close());
      scripted.client.join('r1');
      scripted.welcome();
      const { link } = scripted.transport;
      if (silences === 2) scripted.clock.advance(SILENCE_MS);
      link.bytesReceived += 5_000;
      scripted.clock.advance(silences === 2 ? 500 : SILENCE_MS);
      assert.equal(scripted.stateName, 'closed');
      assert.equal(scripted.clock.pending, 0);
      assert.equal(scripted.client.counters.probeFailures, 0);
    });
  }

  it('probes again, before it judges, when the process itself was asleep', () => {
    const scripted = new ScriptedClient();
    scripted.client.join('r1');
    scripted.welcome();
    scripted.clock.advance(SILENCE_MS);
    scripted.clock.sleepThrough(60_000);
    assert.equal(scripted.stateName, 'suspect');
    scripted.receive({ pong: { nonce: 1 } });
    assert.equal(scripted.stateName, 'live');
  });

  for (const [end, error] of [
    ['OK', undefined],
    ['CANCELLED', new LiveError(status.CANCELLED, 'cancelled')],
    ['UNAVAILABLE', new LiveError(status.UNAVAILABLE, 'gone')],
  ] as const) {
    it(`reconnects after an end with ${end}`, () => {
      const scripted = new ScriptedClient();
      scripted.client.join('r1');
      scripted.welcome();
      scripted.transport.link.end(error);
      assert.equal(scripted.stateName, 'backoff');
      scripted.waitOutBackoff();
      assert.equal(scripted.transport.links.length, 2);
    });
  }

  it('closes for good on a reason that says never to retry, and tells the application', async () => {
    const scripted = new ScriptedClient();
    const subscription = scripted.client.join('r1');
    scripted.welcome();
    scripted.transport.link.end(new LiveError(status.INVALID_ARGUMENT, 'bad', { reason: 'MALFORMED_FRAME' }));
    assert.equal(scripted.stateName, 'closed');
    await assert.rejects(subscription[Symbol.asyncIterator]().next(), { reason: 'MALFORMED_FRAME' });
    assert.equal(scripted.clock.pending, 0);
  });

  it('ignores what an old connection still has to say', () => {
    const scripted = new ScriptedClient();
    scripted.client.join('r1');
    scripted.welcome();
    const old = scripted.transport.link;
    old.end();
    old.receive({ welcome: { session: 'late', heartbeatMs: HEARTBEAT_MS } });
    old.end();
    assert.equal(scripted.stateName, 'backoff');
    scripted.waitOutBackoff();
    old.receive({ welcome: { session: 'late', heartbeatMs: HEARTBEAT_MS } });
    assert.equal(scripted.stateName, 'connecting');
  });

  it('doubles the backoff until a replay has completed, not until a connect succeeds', () => {
    const scripted = new ScriptedClient();
    scripted.client.join('r1');
    const delays: number[] = [];
    const drop = (): void => {
      scripted.transport.link.end();
      assert.ok(scripted.client.state.kind === 'backoff');
      delays.push(scripted.client.state.delayMs);
      scripted.waitOutBackoff();
    };
    drop();
    scripted.welcome();
    scripted.receive(joined('r1', 5));
    drop();
    scripted.welcome();
    scripted.receive(joined('r1', 5, 'RESUMED'), caughtUp('r1', 5));
    drop();
    assert.deepEqual(delays, [50, 100, 50]);
  });

  describe('begins the backoff anew when something was gained:', () => {
    /** The delays after connections that end when this has been done; the ceiling begins at 100 ms, and half of it is waited. */
    function delays(scripted: ScriptedClient, ...connections: (() => void)[]): number[] {
      return connections.map((serve) => {
        scripted.welcome();
        serve();
        scripted.transport.link.end();
        assert.ok(scripted.client.state.kind === 'backoff');
        const { delayMs } = scripted.client.state;
        scripted.waitOutBackoff();
        return delayMs;
      });
    }
    const nothing = (): void => undefined;
    const growing = [50, 100, 200, 400, 500, 500];

    it('a message, though the replay never ends', () => {
      const scripted = new ScriptedClient();
      scripted.client.join('r1');
      const resume = (): void => scripted.receive(joined('r1', 5, 'RESUMED'));
      const gain = (): void => scripted.receive(joined('r1', 5), batch('r1', [6, 5]));
      const repeat = (): void => scripted.receive(joined('r1', 6, 'RESUMED'), batch('r1', [6, 5]));
      const audience = (): void =>
        scripted.receive(joined('r1', 6, 'RESUMED'), { batch: { room: 'r1', audience: 7 } });
      assert.deepEqual(delays(scripted, resume, nothing, gain, repeat, audience), [50, 100, 50, 100, 200]);
    });

    it('the result of a publish, not a refusal for now', async () => {
      const scripted = new ScriptedClient();
      const published = scripted.client.publish('r1', { type: 'gift', payload: 'x' });
      const answer = (outcome: object) => (): void => {
        const { requestId } = scripted.transport.link.sent.find(({ publish }) => publish)!.publish!;
        scripted.receive({ heartbeat: {} }, { publishResults: { results: [{ requestId, ...outcome }] } });
      };
      const refused = answer({ refusal: refusal('UPSTREAM_UNAVAILABLE', 'away') });
      const stored = answer({ published: { cursor: cursorAt(1) } });
      assert.deepEqual(delays(scripted, nothing, nothing, refused, stored, nothing), [50, 100, 200, 50, 100]);
      await published;
    });

    it('a sign of life, if nothing was asked for', async () => {
      const scripted = new ScriptedClient();
      const left = scripted.client.join('r1');
      left.leave();
      const beat = (): void => scripted.receive({ heartbeat: {} });
      assert.deepEqual(delays(scripted, ...Array<() => void>(6).fill(nothing)), growing);
      assert.deepEqual(delays(scripted, beat, nothing), [50, 100]);
      scripted.client.join('r1');
      assert.deepEqual(delays(scripted, beat, beat), [200, 400]);
      await scripted.client.close();
    });
  });

  it('does not take a refused room for a recovery', () => {
    const scripted = new ScriptedClient();
    scripted.client.join('r1');
    const attempts: number[] = [];
    for (let rounds = 0; rounds < 3; rounds += 1) {
      scripted.welcome();
      scripted.receive({ roomError: { room: 'r1', refusal: refusal('UPSTREAM_UNAVAILABLE', 'away') } });
      scripted.transport.link.end();
      assert.ok(scripted.client.state.kind === 'backoff');
      attempts.push(scripted.client.state.attempt);
      scripted.waitOutBackoff();
    }
    assert.deepEqual(attempts, [1, 2, 3]);
  });

  it('moves when asked, to the next endpoint and without penalty', () => {
    const scripted = new ScriptedClient();
    scripted.client.join('r1');
    scripted.welcome();
    scripted.receive(joined('r1', 5), caughtUp('r1', 5));
    const first = scripted.transport.link;
    scripted.receive({ reconnect: { afterMs: 700, reason: 'REASON_DRAINING' } });
    assert.equal(scripted.stateName, 'moving');
    scripted.receive(batch('r1', [6, 5]));
    first.end();
    scripted.clock.advance(699);
    assert.equal(scripted.transport.links.length, 1);
    scripted.clock.advance(1);
    assert.equal(scripted.transport.link.endpoint, 'b:2');
    assert.equal(scripted.transport.link.sent[1]?.join?.cursor?.seq, '6');
    assert.deepEqual(scripted.states, ['connecting', 'live', 'moving', 'connecting']);
  });

  it('moves to where the gateway sends it, and says so', () => {
    const endpoints = ['a:1', 'b:2', 'c:3'];
    const scripted = new ScriptedClient({ endpoints });
    scripted.client.join('r1');
    scripted.welcome();
    const from = scripted.transport.link.endpoint;
    for (const endpoint of endpoints.filter((other) => other !== from)) {
      scripted.receive({ reconnect: { afterMs: 5, reason: 'REASON_REBALANCING', endpoint } });
      const { state } = scripted.client;
      assert.ok(state.kind === 'moving');
      assert.deepEqual([state.reason, state.nextEndpoint], ['REBALANCING', endpoint]);
      scripted.clock.advance(400);
      assert.equal(scripted.transport.link.endpoint, endpoint);
      scripted.welcome();
    }
  });

  it('leaves a gateway that asked it to move and does not end the stream', () => {
    const scripted = new ScriptedClient();
    scripted.client.join('r1');
    scripted.welcome();
    const first = scripted.transport.link;
    scripted.receive({ reconnect: { afterMs: 700, reason: 'REASON_DRAINING' } });
    scripted.clock.advance(700);
    assert.equal(first.destroyed, true);
    assert.equal(scripted.transport.links.length, 2);
  });

  it('slows down when it is sent from one gateway to the next without ever recovering', () => {
    const scripted = new ScriptedClient();
    scripted.client.join('r1');
    for (let moves = 0; moves < 20; moves += 1) {
      scripted.welcome();
      scripted.receive({ reconnect: { afterMs: 0, reason: 'REASON_DRAINING' } });
      scripted.clock.advance(400);
    }
    assert.ok(scripted.transport.links.length < 15, `${scripted.transport.links.length} connections`);
  });

  it('ends a connection whose frames make no sense', () => {
    const scripted = new ScriptedClient();
    scripted.client.join('r1');
    scripted.welcome();
    scripted.receive({ joined: { room: 'r1', head: 1, outcome: 'OUTCOME_STARTED' } });
    assert.equal(scripted.transport.link.destroyed, true);
    assert.equal(scripted.stateName, 'backoff');
  });

  it('leaves no timer behind when it is closed, in whatever state', async () => {
    const steps: ((scripted: ScriptedClient) => void)[] = [
      () => undefined,
      (scripted) => scripted.welcome(),
      (scripted) => scripted.receive(joined('r1', 1), caughtUp('r1', 1)),
      (scripted) => scripted.clock.advance(SILENCE_MS),
      (scripted) => scripted.transport.link.end(),
    ];
    for (let taken = 0; taken <= steps.length; taken += 1) {
      const scripted = new ScriptedClient();
      scripted.client.join('r1');
      for (const step of steps.slice(0, taken)) step(scripted);
      await scripted.client.close();
      assert.equal(scripted.clock.pending, 0, `after ${taken} steps`);
      assert.equal(scripted.transport.link.destroyed, true);
    }
  });

  it('can be closed by a listener while it changes state', () => {
    const scripted = new ScriptedClient();
    scripted.client.on('state', ({ kind: name }) => {
      if (name === 'connecting') void scripted.client.close();
    });
    scripted.client.join('r1');
    assert.equal(scripted.stateName, 'closed');
    assert.deepEqual(scripted.transport.links, []);
    assert.equal(scripted.clock.pending, 0);
  });
});
