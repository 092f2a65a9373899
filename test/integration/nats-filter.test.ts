import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { NatsConnection } from 'nats';
import { connect } from 'nats';
import { systemClock } from '../../common/clock.ts';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import type { Shaper } from '../../chaos/links/segment.ts';
import { NatsFilter } from '../helpers/nats-filter.ts';
import { NatsFrames } from '../helpers/nats-frames.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';

const FEED = 'live.feed.demo';

describe('NATS filter', () => {
  describe('on any bytes', () => {
    const payload = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
    const frame = fc.oneof(
      fc.constantFrom('PING\r\n', 'PONG\r\n', '+OK\r\n', "-ERR 'slow'\r\n", 'INFO {"a":1}\r\n').map(control),
      fc.tuple(fc.constantFrom(FEED, 'live.eph.demo'), fc.boolean(), payload).map(msg),
      fc.tuple(fc.constantFrom(FEED, '_INBOX.x.1'), payload).map(hmsg),
    );
    const stream = fc.record({
      frames: fc.array(frame, { maxLength: 30 }),
      cuts: fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
    });

    it('finds the frames wherever the chunks are cut', () => {
      fc.assert(
        fc.property(stream, ({ frames, cuts }) => {
          const parser = new NatsFrames();
          const found = chunksOf(bytesOf(frames), cuts).flatMap((chunk) => parser.push(chunk));
          assert.deepEqual(
            found.map(({ subject, bytes }) => [subject, bytes.toString('latin1')]),
            frames.map(({ subject, bytes }) => [subject, bytes.toString('latin1')]),
          );
          assert.equal(parser.takeRest().length, 0);
        }),
      );
    });

    it('drops and repeats whole messages, and passes everything else untouched', async () => {
      await fc.assert(
        fc.asyncProperty(stream, fc.constantFrom('drop', 'duplicate'), async ({ frames, cuts }, kind) => {
          const filter = new NatsFilter();
          const rule = filter.add({ matches: (subject) => subject === FEED, action: { kind } });
          const copies = kind === 'drop' ? 0 : 2;
          const expected = frames.flatMap((each) =>
            each.subject === FEED ? Array<TestFrame>(copies).fill(each) : [each],
          );
          assert.deepEqual(await run(filter, chunksOf(bytesOf(frames), cuts)), bytesOf(expected));
          assert.equal(rule.count, frames.filter(({ subject }) => subject === FEED).length);
        }),
      );
    });

    it('gives back an unfinished message when it is lifted', async () => {
      const bytes = Buffer.from(`PING\r\nMSG ${FEED} 1 100\r\nhalf a mess`);
      assert.deepEqual(await run(new NatsFilter(), [bytes]), bytes);
    });

    it('refuses what is not the protocol', () => {
      const parser = new NatsFrames();
      assert.throws(() => parser.push(Buffer.from('HTTP/1.1 200 OK\r\n')), /not the protocol.*HTTP/);
    });
  });

  describe('before a real server', () => {
    let nats: TestNats;
    let proxy: FaultProxy;
    let filter: NatsFilter;
    let publisher: NatsConnection;
    let subscriber: NatsConnection;
    let seen: string[];

    before(async () => {
      nats = await startNats();
    });

    after(() => nats.stop());

    beforeEach(async () => {
      proxy = await FaultProxy.listen({ host: '127.0.0.1', port: nats.port });
      filter = new NatsFilter();
      proxy.applyAll(filter);
      publisher = await connect({ servers: nats.url });
      subscriber = await connect({ servers: proxy.address });
      seen = [];
      subscriber.subscribe('live.>', { callback: (_, message) => seen.push(message.string()) });
      await subscriber.flush();
    });

    afterEach(async () => {
      await Promise.all([publisher.close(), subscriber.close()]);
      await proxy.close();
    });

    it('drops messages of one subject, as many as asked, and no others', async () => {
      const rule = filter.add({ matches: (subject) => subject === FEED, action: { kind: 'drop' }, times: 2 });
      for (const text of ['1', '2', '3']) publisher.publish(FEED, text);
      publisher.publish('live.eph.demo', 'comment');
      await until('the last has come', () => seen.includes('comment'));
      assert.deepEqual(seen, ['3', 'comment']);
      assert.equal(rule.count, 2);
    });

    it('repeats a message, and stops when the rule is lifted', async () => {
      const rule = filter.add({ matches: () => true, action: { kind: 'duplicate' } });
      publisher.publish(FEED, 'twice');
      await until('it has come twice', () => seen.length === 2);
      rule.lift();
      publisher.publish(FEED, 'once');
      publisher.publish(FEED, 'end');
      await until('the last has come', () => seen.includes('end'));
      assert.deepEqual(seen, ['twice', 'twice', 'once', 'end']);
    });

    it('lets others overtake a delayed message', async () => {
      filter.add({ matches: (subject) => subject === FEED, action: { kind: 'delay', delayMs: 100 } });
      publisher.publish(FEED, 'late');
      publisher.publish('live.eph.demo', 'early');
      await until('both have come', () => seen.length === 2);
      assert.deepEqual(seen, ['early', 'late']);
    });

    it('must see the connection from its first byte', () => {
      assert.throws(() => proxy.link(0).apply(new NatsFilter()), /from its first byte/);
    });
  });
});

interface TestFrame {
  readonly subject: string | undefined;
  readonly bytes: Buffer;
}

function control(line: string): TestFrame {
  return { subject: undefined, bytes: Buffer.from(line) };
}

function msg([subject, withReply, payload]: [string, boolean, Buffer]): TestFrame {
  const reply = withReply ? ' _INBOX.reply' : '';
  const head = Buffer.from(`MSG ${subject} 7${reply} ${payload.length}\r\n`);
  return { subject, bytes: Buffer.concat([head, payload, Buffer.from('\r\n')]) };
}

function hmsg([subject, payload]: [string, Buffer]): TestFrame {
  const header = Buffer.from('NATS/1.0\r\nNats-Sequence: 12\r\n\r\n');
  const head = Buffer.from(`HMSG ${subject} 7 ${header.length} ${header.length + payload.length}\r\n`);
  return { subject, bytes: Buffer.concat([head, header, payload, Buffer.from('\r\n')]) };
}

function bytesOf(frames: TestFrame[]): Buffer {
  return Buffer.concat(frames.map(({ bytes }) => bytes));
}

/** Cuts `bytes` into chunks of the given lengths, again and again. */
function chunksOf(bytes: Buffer, cuts: number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += chunks.at(-1)?.length ?? 0) {
    const length = cuts[chunks.length % cuts.length] ?? 1;
    chunks.push(bytes.subarray(start, start + length));
  }
  return chunks;
}

/** What comes out of the filter's shaper for these chunks, after which it is lifted. */
async function run(filter: NatsFilter, chunks: Buffer[]): Promise<Buffer> {
  const shapers: Shaper[] = [];
  const count = { received: 0, forwarded: 0 };
  const lifted = AbortSignal.abort();
  const unused = (): void => undefined;
  filter.apply(
    {
      clock: systemClock,
      bytes: { up: count, down: count },
      shape: (_, shaper) => shapers.push(shaper),
      reset: unused,
      finish: unused,
      endSwallowed: unused,
    },
    lifted,
  );
  const out: Buffer[] = [];
  await shapers[0]?.({
    input: (async function* () {
      for (const bytes of chunks) yield { segment: { kind: 'bytes' as const, bytes }, atMs: 0 };
    })(),
    output: {
      write(segment) {
        if (segment.kind === 'bytes') out.push(segment.bytes);
        return undefined;
      },
    },
    lifted,
    clock: systemClock,
  });
  return Buffer.concat(out);
}
