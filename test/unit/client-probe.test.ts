import assert from 'node:assert/strict';
import { LiveError } from '../../client/index.ts';
import { status } from '../../protos/status-codes.ts';
import { batch, HEARTBEAT_MS, joined, ScriptedClient } from '../helpers/scripted-client.ts';

const SILENCE_MS = HEARTBEAT_MS * 2 + 250;
const PROBE_MS = 500;

describe('a probe that the application asks for', () => {
  it('goes out at once, and a dead link is given up as soon as it stays unanswered', () => {
    const scripted = new ScriptedClient();
    scripted.client.join('r1');
    scripted.welcome();
    const dead = scripted.transport.link;
    scripted.client.probe(200);
    assert.equal(dead.sentNames.at(-1), 'ping');
    assert.equal(scripted.stateName, 'suspect');
    scripted.client.probe(200);
    assert.equal(dead.sentNames.filter((name) => name === 'ping').length, 1);
    scripted.clock.advance(199);
    assert.equal(dead.destroyed, false);
    scripted.clock.advance(1);
    assert.equal(dead.destroyed, true);
  });

  it('changes nothing where all is well', () => {
    const scripted = new ScriptedClient();
    scripted.client.join('r1');
    scripted.welcome();
    scripted.client.probe();
    scripted.receive({ pong: { nonce: 1 } });
    assert.equal(scripted.stateName, 'live');
    scripted.clock.advance(SILENCE_MS - 1);
    assert.equal(scripted.stateName, 'live');
    assert.equal(scripted.transport.links.length, 1);
  });

  it('ends the wait before the next attempt, which counts as the one that it is', () => {
    const scripted = new ScriptedClient();
    scripted.client.join('r1');
    scripted.transport.link.end(new LiveError(status.UNAVAILABLE, 'gone'));
    assert.equal(scripted.stateName, 'backoff');
    scripted.client.probe();
    assert.equal(scripted.transport.links.length, 2);
    const { state } = scripted.client;
    assert.deepEqual(state.kind === 'connecting' && state.attempt, 1);
    scripted.waitOutBackoff();
    assert.equal(scripted.transport.links.length, 2);
  });

  it('begins an attempt anew that has lasted for longer than an answer may take, and no other', () => {
    const scripted = new ScriptedClient();
    scripted.client.join('r1');
    scripted.clock.advance(PROBE_MS - 1);
    scripted.client.probe();
    assert.equal(scripted.transport.links.length, 1);
    scripted.clock.advance(1);
    scripted.client.probe();
    assert.equal(scripted.transport.links.length, 2);
    assert.equal(scripted.transport.links[0]!.destroyed, true);
    scripted.welcome();
    assert.equal(scripted.stateName, 'live');
  });

  it('does nothing before anything was asked for, on the way elsewhere, or when all is over', async () => {
    const scripted = new ScriptedClient();
    scripted.client.probe();
    assert.equal(scripted.transport.links.length, 0);
    scripted.client.join('r1');
    scripted.welcome();
    scripted.receive({ reconnect: { afterMs: 400, reason: 'REASON_DRAINING' } });
    scripted.client.probe();
    assert.equal(scripted.stateName, 'moving');
    await scripted.client.close();
    scripted.client.probe();
    assert.equal(scripted.stateName, 'closed');
    assert.throws(() => scripted.client.probe(0), { code: status.INVALID_ARGUMENT });
  });
});

describe('a link that shows frames only when they are complete', () => {
  /** Lets the link be silent until it is given up. */
  function silenceMs(scripted: ScriptedClient): number {
    const sinceMs = scripted.clock.monotonicMs();
    while (scripted.stateName !== 'backoff') scripted.clock.advance(10);
    return scripted.clock.monotonicMs() - sinceMs;
  }

  it('is given twice as long for an answer after each failure, so that a large frame comes on a slow link in the end', () => {
    const scripted = new ScriptedClient();
    scripted.transport.wholeFramesOnly = true;
    scripted.client.join('r1');
    const patience: number[] = [];
    for (let failures = 0; failures < 9; failures += 1) {
      scripted.welcome();
      scripted.receive(joined('r1', 1));
      patience.push(silenceMs(scripted) - SILENCE_MS);
      scripted.waitOutBackoff();
    }
    assert.deepEqual(patience, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 120_000]);
  });

  it('is given no more than twice as long once a message came by it', () => {
    const scripted = new ScriptedClient();
    scripted.transport.wholeFramesOnly = true;
    scripted.client.join('r1');
    const patience: number[] = [];
    for (const messages of [[], [], [batch('r1', [2, 1])], []]) {
      scripted.welcome();
      scripted.receive(joined('r1', 1), ...messages);
      patience.push(silenceMs(scripted) - SILENCE_MS);
      scripted.waitOutBackoff();
    }
    assert.deepEqual(patience, [500, 1_000, 2_000, 1_000]);
  });

  it('is given no longer for attempts that came to nothing: those say nothing of large frames', () => {
    const scripted = new ScriptedClient();
    scripted.transport.wholeFramesOnly = true;
    scripted.client.join('r1');
    for (let failures = 0; failures < 6; failures += 1) {
      scripted.transport.link.end(new LiveError(status.UNAVAILABLE, 'nobody is there'));
      scripted.waitOutBackoff();
    }
    scripted.welcome();
    assert.equal(silenceMs(scripted), SILENCE_MS + PROBE_MS);
  });

  it('is given up as soon as a later, shorter probe stays unanswered', () => {
    const scripted = new ScriptedClient();
    scripted.transport.wholeFramesOnly = true;
    scripted.client.join('r1');
    for (let failures = 0; failures < 4; failures += 1) {
      scripted.welcome();
      silenceMs(scripted);
      scripted.waitOutBackoff();
    }
    scripted.welcome();
    scripted.clock.advance(SILENCE_MS);
    assert.equal(scripted.stateName, 'suspect');
    scripted.client.probe(10);
    scripted.clock.advance(100);
    scripted.client.probe(10);
    scripted.clock.advance(59);
    assert.equal(scripted.stateName, 'suspect');
    scripted.clock.advance(1);
    assert.equal(scripted.stateName, 'backoff');
  });

  it('is given longer each time, too, where the application asks for a probe again and again', () => {
    const scripted = new ScriptedClient();
    scripted.transport.wholeFramesOnly = true;
    scripted.client.join('r1');
    const patience: number[] = [];
    for (let failures = 0; failures < 4; failures += 1) {
      scripted.welcome();
      scripted.receive(joined('r1', 1));
      scripted.client.probe(200);
      patience.push(silenceMs(scripted));
      scripted.waitOutBackoff();
    }
    assert.deepEqual(patience, [200, 400, 800, 1_600]);
  });

  it('is the only one that is', () => {
    const scripted = new ScriptedClient();
    scripted.client.join('r1');
    for (let failures = 0; failures < 3; failures += 1) {
      scripted.welcome();
      scripted.receive(joined('r1', 1));
      assert.equal(silenceMs(scripted), SILENCE_MS + PROBE_MS);
      scripted.waitOutBackoff();
    }
  });
});
