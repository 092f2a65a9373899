import assert from 'node:assert/strict';
import { connect as http2Connect } from 'node:http2';
import { bandwidth } from '../../chaos/links/faults/bandwidth.ts';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import { liveService } from '../../protos/live.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RawStream } from '../helpers/raw-stream.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import { transports, webSocket } from '../helpers/transports.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { grpcMessage } from '../helpers/tcp-viewer.ts';
import { Witness } from '../helpers/witness.ts';

const BYTES_A_SECOND = 30_000;

describe('Isolated: a viewer on a slow link', () => {
  for (const transport of transports)
    it(`gets a message by ${transport.name} that takes longer than any silence, and what is behind it, by one connection`, async () => {
      await using nats = await startNats();
      // A heartbeat of 0.5 s: less than a twentieth of what the message takes.
      await using gateway = await startTestGateway(nats.url, {}, {}, transport);
      await using producer = await StockProducer.connect(nats.url);
      await producer.publish('tea', 'before');
      await producer.publish('tea', Buffer.alloc(BYTES_A_SECOND * 15, 'x'));
      await producer.publish('tea', 'behind');
      await using proxy = await FaultProxy.listen(gateway.target);
      proxy.applyAll(bandwidth(BYTES_A_SECOND));
      const client = gateway.client({ endpoints: [transport.endpointAt(proxy.address)] });
      const told: number[] = [];
      const totals = new Set<number | undefined>();
      client.on('slow', (bytes, _ms, total) => {
        told.push(bytes);
        totals.add(total);
      });
      const viewer = new Witness(client, 'tea', { from: 'earliest' });
      await viewer.has(3);
      assert.equal(client.counters.connects, 1);
      assert.ok(told.length > 1 && told[1]! > told[0]!, told.join());
      const [total = 0, ...others] = [...totals].filter((size) => size !== undefined);
      if (transport === webSocket)
        assert.equal(total, 0, 'nothing is known of a message before it is complete');
      else assert.ok(total > BYTES_A_SECOND * 15 && total >= Math.max(...told), `${total} of ${told.join()}`);
      assert.deepEqual(others, []);
    });

  it('is not cut off as long as it takes something of a message', async () => {
    const slowConsumerTimeoutMs = 600_000;
    const size = 990_000;
    /** More than what HTTP/2 lets be under way: when so much has come, something of it was sent since the last time. */
    const stretch = 250_000;
    await using nats = await startNats();
    const clock = new SkippingClock();
    await using gateway = await startTestGateway(nats.url, { slowConsumerTimeoutMs }, { clock });
    await using producer = await StockProducer.connect(nats.url);
    await producer.publish('tea', Buffer.alloc(size, 'x'));
    const session = http2Connect(`http://${gateway.address}`);
    session.on('error', () => undefined);
    const stream = session.request({
      ':method': 'POST',
      ':path': liveService.Connect.path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    for (const message of [{ hello: {} }, { join: { room: 'tea', start: { earliest: {} } } }])
      stream.write(grpcMessage(liveService.Connect.requestSerialize(message)));
    let received = 0;
    let stretches = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      received += chunk.length;
      if (received > size) break;
      if (received < (stretches + 1) * stretch) continue;
      stretches += 1;
      clock.skip(slowConsumerTimeoutMs * 0.6);
      // Behind the gateway's look at its sessions, which is due now.
      await new Promise<void>((resolve) => void clock.after(1, resolve));
    }
    assert.ok(received > size, `cut off after ${received} bytes`);
    assert.equal(stretches, 3);
    session.destroy();
  });

  it('gets a large frame whole when it breaks the protocol meanwhile, and then the status', async () => {
    const size = 1_000_000;
    await using nats = await startNats();
    await using gateway = await startTestGateway(nats.url);
    await using producer = await StockProducer.connect(nats.url);
    await producer.publish('tea', Buffer.alloc(size, 'x'));
    const [host = '', port] = gateway.address.split(':');
    await using proxy = await FaultProxy.listen({ host, port: Number(port) });
    proxy.applyAll(bandwidth(size / 4));
    using stream = RawStream.hello(proxy.address);
    stream.send({ join: { room: 'tea', start: { earliest: {} } } });
    await until('a part has come', () => proxy.bytes.down.forwarded > size / 4);
    stream.send({ hello: {} });
    assert.equal((await stream.end()).reason, 'HELLO_REPEATED');
    assert.deepEqual(
      stream.reliable.map(({ length }) => length),
      [size],
    );
  });
});
