import assert from 'node:assert/strict';
import { bandwidth } from '../../chaos/links/faults/bandwidth.ts';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { startNats } from '../helpers/nats-server.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { Witness } from '../helpers/witness.ts';

const MIB = 1024 * 1024;

/** Set to 1 for the sizes that take minutes. */
const FULL = process.env['LIVE_TEST_FULL'] === '1';

/** Rooms that are replayed at once, and how large their messages are. */
interface Large {
  readonly name: string;
  readonly config: string;
  readonly rooms: number;
  readonly messages: number;
  readonly bytes: number;
}

describe('Reliable: many replays at once', () => {
  const cases: readonly Large[] = [
    {
      name: 'messages of 2 MB, of a server that cuts off who lets 24 MB pile up',
      config: `max_payload: ${2 * MIB}, max_pending: ${24 * MIB}`,
      rooms: 16,
      messages: 3,
      bytes: 2 * MIB - 1024,
    },
    ...(FULL
      ? [
          {
            name: 'messages of 8 MB, of a server as it is by default',
            config: `max_payload: ${8 * MIB}`,
            rooms: 16,
            messages: 4,
            bytes: 8 * MIB - 1024,
          },
        ]
      : []),
  ];
  for (const { name, config, rooms, messages, bytes } of cases) {
    it(`${name}: are not cut off, and reach everybody`, async () => {
      await using nats = await startNats({ config });
      // Creates the stream.
      await (await startTestGateway(nats.url)).close();
      await using producer = await StockProducer.connect(nats.url);
      const payload = new Uint8Array(bytes);
      for (let room = 0; room < rooms; room++) {
        for (let n = 0; n < messages; n++) await producer.publish(`r${room}`, payload);
      }
      await using proxy = await FaultProxy.listen({ host: '127.0.0.1', port: nats.port });
      proxy.applyAll(bandwidth(50 * MIB));
      await using gateway = await startTestGateway(proxy.address);
      const viewers = Array.from(
        { length: rooms },
        (_, room) => new Witness(gateway.client(), `r${room}`, { from: 'earliest' }),
      );
      for (const viewer of viewers) await viewer.has(messages);
      assert.equal(proxy.accepted, 1, 'connections to NATS');
    });
  }
});
