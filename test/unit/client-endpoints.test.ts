import assert from 'node:assert/strict';
import { Endpoints } from '../../client/core/endpoints.ts';
import { seededRandom } from '../../common/random.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { ScriptedClient } from '../helpers/scripted-client.ts';

const all = ['a:1', 'b:1', 'c:1', 'd:1'];

describe('client endpoints', () => {
  let clock: ManualClock;

  beforeEach(() => {
    clock = new ManualClock();
  });

  const counts = (picks: string[]) => all.map((endpoint) => picks.filter((pick) => pick === endpoint).length);

  it('scatter a crowd, at its start and again when one gateway goes', () => {
    const crowd = Array.from({ length: 400 }, (_, seed) => new Endpoints(all, clock, seededRandom(seed)));
    const first = crowd.map((endpoints) => endpoints.pick());
    for (const count of counts(first)) assert.ok(count > 50, String(counts(first)));
    const next = crowd.map((endpoints) => {
      endpoints.failed('a:1');
      return endpoints.pick();
    });
    const [gone, ...others] = counts(next);
    assert.equal(gone, 0);
    for (const count of others) assert.ok(count > 80, String(counts(next)));
  });

  it('come in turn when all have failed, and are equal again after a while or a success', () => {
    const endpoints = new Endpoints(all, clock, () => 0);
    for (const endpoint of ['c:1', 'a:1', 'd:1', 'b:1', 'c:1']) endpoints.failed(endpoint);
    assert.deepEqual(endpoints.inOrder(), ['a:1', 'd:1', 'b:1', 'c:1']);
    endpoints.worked('b:1');
    assert.equal(endpoints.pick(), 'b:1');
    endpoints.failed('b:1');
    clock.advance(60_000);
    assert.deepEqual(endpoints.inOrder().toSorted(), all);
  });

  it('who is sent away goes where it is told to, if it knows that place and has not just failed there', () => {
    const endpoints = new Endpoints(all, clock, () => 0);
    assert.equal(endpoints.pickAfter('a:1', 'c:1'), 'c:1');
    for (const advice of ['', 'evil:1', 'C:1']) {
      const next = endpoints.pickAfter('a:1', advice);
      assert.ok(all.includes(next) && next !== 'a:1', `${advice}: ${next}`);
    }
    endpoints.failed('c:1');
    assert.notEqual(endpoints.pickAfter('a:1', 'c:1'), 'c:1');
    clock.advance(60_000);
    assert.equal(endpoints.pickAfter('a:1', 'c:1'), 'c:1');
    assert.equal(new Endpoints(['a:1'], clock, () => 0).pickAfter('a:1', 'b:1'), 'a:1', 'it has no other');
  });

  it('gateways name each other by host:port, whatever the scheme that a client writes before it', () => {
    const written = ['https://a:1', 'https://gw.example.org', 'http://[::1]:7'];
    const endpoints = new Endpoints(written, clock, () => 0);
    assert.equal(endpoints.pickAfter('https://a:1', 'gw.example.org:443'), 'https://gw.example.org');
    assert.equal(endpoints.pickAfter('https://a:1', '[::1]:7'), 'http://[::1]:7');
    endpoints.failed('http://[::1]:7');
    assert.equal(endpoints.pickAfter('https://a:1', '[::1]:7'), 'https://gw.example.org');
  });

  it('gateways name the port of gRPC: by WebSocket it is the only one at that host', () => {
    const written = ['ws://a:8080', 'ws://b:8080', 'ws://c:8080', 'ws://d:8080', 'ws://d:8081'];
    const atD = new Set<string>();
    for (const seed of [1, 2, 3, 4, 5]) {
      const endpoints = new Endpoints(written, clock, seededRandom(seed));
      assert.equal(endpoints.pickAfter('ws://a:8080', 'c:50051'), 'ws://c:8080');
      assert.notEqual(endpoints.pickAfter('ws://a:8080', 'a:50051'), 'ws://a:8080', 'it goes away');
      atD.add(endpoints.pickAfter('ws://a:8080', 'd:50051'));
      endpoints.failed('ws://c:8080');
      assert.notEqual(endpoints.pickAfter('ws://a:8080', 'c:50051'), 'ws://c:8080');
      clock.advance(60_000);
    }
    assert.ok(atD.size > 1, 'which of two? By chance, as without advice');
    assert.ok(!atD.has('ws://a:8080'));
  });

  it('one that sent a viewer away is as good as others for the next time', () => {
    const after = Array.from({ length: 400 }, (_, seed) => {
      const endpoints = new Endpoints(['a:1', 'b:1', 'c:1'], clock, seededRandom(seed));
      return endpoints.pickAfter(endpoints.pickAfter('a:1', ''), '');
    });
    assert.ok(after.filter((endpoint) => endpoint === 'a:1').length > 150);
  });

  it('are gone through by a client: none twice before each was tried', () => {
    const scripted = new ScriptedClient({ endpoints: all, random: seededRandom(7) });
    scripted.client.join('r1');
    for (let n = 0; n < 7; n += 1) {
      scripted.transport.link.end();
      scripted.waitOutBackoff();
    }
    const tried = scripted.transport.links.map(({ endpoint }) => endpoint);
    assert.deepEqual(tried.slice(0, 4).toSorted(), all);
    assert.deepEqual(tried.slice(4), tried.slice(0, 4));
  });
});
