import assert from 'node:assert/strict';
import type { Cursor, PullEvent, PullOptions } from '../../client/index.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { quickClock } from '../helpers/quick-clock.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { Witness } from '../helpers/witness.ts';

/** The stream holds of our room 1, 2, 4 and 5, of another one 3. */
for (const memory of ['in memory', 'not in memory'] as const) {
  describe(`Pull of a room that is ${memory}`, () => {
    let nats: TestNats;
    let producer: StockProducer;
    let gateway: TestGateway;

    before(async () => {
      nats = await startNats();
      producer = await StockProducer.connect(nats.url);
    });

    beforeEach(async () => {
      gateway = await startTestGateway(nats.url, {}, { clock: quickClock });
      const viewer = memory === 'in memory' ? new Witness(gateway.client(), 'demo') : undefined;
      await viewer?.caughtUp();
      for (const room of ['demo', 'demo', 'else', 'demo', 'demo']) await producer.publish(room, 'hello');
      await viewer?.has(4);
    });

    afterEach(async () => {
      await gateway.close();
      await producer.hasNoConsumer();
      await producer.deleteStream();
    });

    after(async () => {
      await producer.close();
      await nats.stop();
    });

    async function pull(options: PullOptions = {}, room = 'demo'): Promise<{ told: string[]; end: Cursor }> {
      const events: PullEvent[] = [];
      for await (const event of gateway.client().pull(room, options)) events.push(event);
      const end = events.at(-1);
      assert.ok(end?.kind === 'end', 'the end is last');
      return { told: events.map(lineOf), end: end.cursor };
    }

    const rows: readonly (readonly [string, PullOptions, readonly string[]])[] = [
      ['everything', {}, ['1', '2', '4', '5', 'end at 5, head 5']],
      ['the first messages, up to a limit', { limit: 3 }, ['1', '2', '4', 'end at 4, head 5']],
      ['exactly as many as there are', { limit: 4 }, ['1', '2', '4', '5', 'end at 5, head 5']],
      ['everything after a sequence', { from: { afterSeq: 2n } }, ['4', '5', 'end at 5, head 5']],
      ["after another room's sequence", { from: { afterSeq: 3n } }, ['4', '5', 'end at 5, head 5']],
      ['after a sequence, up to a limit', { from: { afterSeq: 1n }, limit: 1 }, ['2', 'end at 2, head 5']],
      ['after the head', { from: { afterSeq: 5n } }, ['end at 5, head 5']],
      [
        'after a sequence beyond the end',
        { from: { afterSeq: 99n } },
        ['reset REWOUND to 5', 'end at 5, head 5'],
      ],
      ['the last two', { from: { last: 2 } }, ['4', '5', 'end at 5, head 5']],
      ['from a sequence', { from: { seq: 3n } }, ['4', '5', 'end at 5, head 5']],
      ['from now on: nothing', { from: 'live' }, ['end at 5, head 5']],
    ];
    for (const [name, options, told] of rows) {
      it(name, async () => {
        assert.deepEqual((await pull(options)).told, told);
      });
    }

    it('goes on from the cursor that a pull ended with', async () => {
      const { end } = await pull({ limit: 2 });
      const next = await pull({ from: { cursor: end }, limit: 1 });
      assert.deepEqual(next.told, ['4', 'end at 4, head 5']);
      assert.deepEqual((await pull({ from: { cursor: next.end } })).told, ['5', 'end at 5, head 5']);
    });

    it('ends with a cursor that names its message, so that a rewind would show', async () => {
      const { end } = await pull({ limit: 2 });
      assert.notEqual(end.fingerprint, 0);
      const forged = await pull({ from: { cursor: { ...end, fingerprint: (end.fingerprint ^ 1) >>> 0 } } });
      assert.deepEqual(forged.told, ['reset REWOUND to 2', '4', '5', 'end at 5, head 5']);
    });

    it('tells of another epoch', async () => {
      const { end } = await pull();
      const { told } = await pull({ from: { cursor: { ...end, epoch: 'another' } } });
      assert.deepEqual(told, ['reset RECREATED to 0', '1', '2', '4', '5', 'end at 5, head 5']);
    });

    it('tells of what was evicted, unless it is still in memory', async () => {
      await producer.jsm.streams.purge(producer.stream, { seq: 4 });
      const expected = memory === 'in memory' ? ['2'] : ['gap after 1, next 4'];
      const { told } = await pull({ from: { afterSeq: 1n } });
      assert.deepEqual(told, [...expected, '4', '5', 'end at 5, head 5']);
    });

    it('a room of which the stream holds nothing is unknown', async () => {
      const unknown = { codeName: 'NOT_FOUND', reason: 'ROOM_UNKNOWN' };
      await assert.rejects(pull({}, 'nobody'), unknown);
      await assert.rejects(pull({ from: { afterSeq: 3n } }, 'nobody'), unknown);
    });

    it('a name that is none is refused', async () => {
      await assert.rejects(pull({}, 'no room'), {
        codeName: 'INVALID_ARGUMENT',
        reason: 'ROOM_NAME_INVALID',
      });
    });

    it('many pages', async () => {
      const payload = new Uint8Array(1024);
      for (let n = 0; n < 25; n++) {
        await Promise.all(Array.from({ length: 100 }, () => producer.publish('demo', payload)));
      }
      const { told } = await pull({ from: { afterSeq: 5n } });
      assert.equal(told.length, 2_501);
      assert.deepEqual(told.slice(-2), ['2505', 'end at 2505, head 2505']);
    });
  });
}

function lineOf(event: PullEvent): string {
  switch (event.kind) {
    case 'message':
      return `${event.message.seq}`;
    case 'gap':
      return `gap after ${event.after}, next ${event.next}`;
    case 'reset':
      return `reset ${event.cause} to ${event.cursor.seq}`;
    case 'end':
      return `end at ${event.cursor.seq}, head ${event.head}`;
  }
}
