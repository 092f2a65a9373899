import assert from 'node:assert/strict';
import { LiveClient } from '../../client/index.ts';
import type { PullEvent } from '../../client/index.ts';
import { deafPort } from '../helpers/deaf-port.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';

/** Connections of this process, those included that are being made. */
const sockets = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;

/** More than one part of an answer, so that the gateway still has some to send. */
const MESSAGES = 600;
const PAYLOAD = 'x'.repeat(4_000);

describe('client close, over gRPC', () => {
  describe('with a gateway', () => {
    let nats: TestNats;
    let gateway: TestGateway;

    before(async () => {
      nats = await startNats();
      gateway = await startTestGateway(nats.url);
      const client = gateway.client();
      const publishes = Array.from({ length: MESSAGES }, () =>
        client.publish('r1', { type: 'gift', payload: PAYLOAD }),
      );
      await Promise.all(publishes);
      await client.close();
    });

    after(async () => {
      await gateway.close();
      await nats.stop();
    });

    it('ends a pull that nobody goes on with: its connection is gone', async () => {
      const before = sockets();
      const client = gateway.client();
      const pull = client.pull('r1');
      assert.equal((await pull.next()).done, false);
      assert.ok(sockets() > before);
      await client.close();
      await until('its connection is gone', () => sockets() === before);
      await assert.rejects(pull.next(), { name: 'LiveError', codeName: 'CANCELLED' });
    });

    it('ends a pull that is iterated, with the next event', async () => {
      const client = gateway.client();
      const events: PullEvent[] = [];
      await assert.rejects(
        async () => {
          for await (const event of client.pull('r1')) {
            events.push(event);
            if (events.length === 3) await client.close();
          }
        },
        { name: 'LiveError', codeName: 'CANCELLED' },
      );
      assert.equal(events.length, 3);
    });

    it('ends what is asked at the moment', async () => {
      const client = gateway.client();
      const asked = [client.room('r1'), client.pull('r1').next()];
      const told = asked.map((answer) =>
        assert.rejects(answer, { name: 'LiveError', codeName: 'CANCELLED' }),
      );
      await client.close();
      await Promise.all(told);
    });

    it('lets the process have no connection when it is called as soon as there is one', async () => {
      const before = sockets();
      const client = gateway.client();
      client.on('state', ({ kind: name }) => {
        if (name === 'live') void client.close();
      });
      for await (const event of client.join('r1')) assert.fail(event.kind);
      await until('its connection is gone', () => sockets() === before);
    });
  });

  it('ends the attempt to connect to somebody who does not answer', async () => {
    await using deaf = await deafPort();
    const before = sockets();
    const client = new LiveClient({ endpoints: [deaf.address] });
    client.join('r1');
    const room = assert.rejects(client.room('r1'), { name: 'LiveError', codeName: 'CANCELLED' });
    await until('both connections are being made', () => sockets() === before + 2);
    await client.close();
    await room;
    await until('neither is', () => sockets() === before);
  });
});
