import assert from 'node:assert/strict';
import { headers } from 'nats';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { Witness } from '../helpers/witness.ts';

/** The most that a NATS server takes, header block and payload together, in bytes: by default, and where it was raised. */
const MAX_PAYLOADS = [1_048_576, 8_388_608];
/** The most of it that JetStream takes as header block. */
const MAX_HEADERS = 65_535;
/** `NATS/1.0` and an empty line, each with its line break. */
const BARE_HEADERS = 'NATS/1.0\r\n\r\n'.length;

for (const maxPayload of MAX_PAYLOADS)
  describe(`messages as large as NATS takes them: ${maxPayload} bytes`, () => {
    let nats: TestNats;
    let producer: StockProducer;
    let gateway: TestGateway;

    before(async () => {
      nats = await startNats({ config: `max_payload: ${maxPayload}` });
      gateway = await startTestGateway(nats.url);
      producer = await StockProducer.connect(nats.url);
      await producer.jsm.streams.update(producer.stream, { max_msg_size: -1 });
    });

    after(async () => {
      await producer.close();
      await gateway.close();
      await nats.stop();
    });

    /** Stores a message of exactly the maximum, with so many bytes of it in a header. */
    async function publishMaximum(room: string, headerBytes: number): Promise<void> {
      if (headerBytes === 0) {
        await producer.publish(room, new Uint8Array(maxPayload));
        return;
      }
      const filled = headers();
      const line = 'Filler: \r\n';
      filled.set('Filler', 'x'.repeat(headerBytes - line.length - BARE_HEADERS));
      await producer.publish(room, new Uint8Array(maxPayload - headerBytes), filled);
    }

    const mixtures: readonly (readonly [string, readonly (number | undefined)[]])[] = [
      ['payloads only', [0, 0, 0]],
      ['payloads with headers', [MAX_HEADERS, 1_000, MAX_HEADERS]],
      ['between small ones', [undefined, 0, undefined, 1_000, undefined, undefined, 100, 200, undefined]],
    ];
    for (const [name, sizes] of mixtures) {
      it(`${name}: a replay and a pull bring all of them`, async () => {
        const room = name.replaceAll(' ', '-');
        for (const headerBytes of sizes) {
          if (headerBytes === undefined) await producer.publish(room, 'small');
          else await publishMaximum(room, headerBytes);
        }
        const viewer = new Witness(gateway.client(), room, { from: 'earliest' });
        await viewer.has(sizes.length);
        await viewer.caughtUp();
        assert.ok(viewer.told.every((line) => !line.startsWith('gap')));

        const pulled: bigint[] = [];
        for await (const event of gateway.client().pull(room)) {
          if (event.kind === 'message') pulled.push(event.message.seq);
        }
        assert.deepEqual(pulled.map(Number), viewer.seqs);
        assert.equal(new Set(pulled).size, sizes.length);
      });
    }
  });
