import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { DeadEndpoint } from '../../chaos/links/dead-endpoint.ts';
import { LiveClient } from '../../client/index.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';

describe('a dead endpoint', () => {
  let dead: DeadEndpoint;

  beforeEach(async () => {
    dead = await DeadEndpoint.open();
  });

  afterEach(() => dead.close());

  function dial(): Socket {
    const [host, port] = dead.address.split(':');
    return connect(Number(port), host);
  }

  const assertRefused = (): Promise<void> =>
    assert.rejects(once(dial(), 'connect'), { code: 'ECONNREFUSED' });

  it('refuses connections, or accepts and never says a word, also when it has gone back to refusing', async () => {
    await assertRefused();
    const refuseAgain = dead.silent();
    const held = dial();
    await once(held, 'connect');
    await until('it is held', () => dead.heldConnections === 1);
    refuseAgain();
    await assertRefused();
    assert.equal(held.bytesRead, 0);
    assert.equal(held.destroyed, false);
    held.destroy();
    await until('its end is noticed', () => dead.heldConnections === 0);
  });

  describe('in the list of a client', () => {
    let nats: TestNats;
    let gateway: TestGateway;
    let client: LiveClient;
    let clock: SkippingClock;
    const connectTimeoutMs = 600_000;

    beforeEach(async () => {
      nats = await startNats();
      gateway = await startTestGateway(nats.url);
      clock = new SkippingClock();
      // The first of two that have not failed.
      const random = (): number => 0.99;
      const endpoints = [dead.address, gateway.address];
      client = new LiveClient({ endpoints, clock, random, connectTimeoutMs });
    });

    afterEach(async () => {
      await client.close();
      await gateway.close();
      await nats.stop();
    });

    it('is passed over when it refuses', async () => {
      client.join('demo');
      await until('the viewer is live', () => client.state.kind === 'live');
      assert.equal(client.counters.connects, 2);
    });

    it('is given up when it says nothing, and by nothing but the time-out', async () => {
      const refuseAgain = dead.silent();
      client.join('demo');
      await until('it has the connection', () => dead.heldConnections === 1);
      refuseAgain();
      assert.equal(client.state.kind, 'connecting');
      clock.skip(connectTimeoutMs);
      await until('the viewer is live', () => client.state.kind === 'live');
      assert.equal(client.counters.connects, 2);
    });
  });
});
