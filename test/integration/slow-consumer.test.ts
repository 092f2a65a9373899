import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { connect as http2Connect } from 'node:http2';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { liveService } from '../../protos/live.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import { Load, storedBy } from '../helpers/load.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RawStream } from '../helpers/raw-stream.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import { grpcMessage, TcpViewer } from '../helpers/tcp-viewer.ts';
import { transports, webSocket } from '../helpers/transports.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Passes only by hand: nobody is stuck just because the machine is busy. */
const SLOW_CONSUMER_TIMEOUT_MS = 600_000;
const limits = {
  slowConsumerTimeoutMs: SLOW_CONSUMER_TIMEOUT_MS,
  roomLogBytes: MIB,
  logBytes: 2 * MIB,
  ephemeralRate: Infinity,
};
/** Of one stuck viewer: the segment of the log that its cursor is in, one frame in flight, HTTP/2 and gRPC state. */
const BYTES_OF_LIVE = 384 * KIB;
/** A page of history, which the last message may make larger. */
const BYTES_OF_PAGE = MIB + 256 * KIB;
/** One that replays also holds the page of history that it reads from, which others have evicted, and reads the next. */
const BYTES_OF_REPLAYING = BYTES_OF_LIVE + 2 * BYTES_OF_PAGE;
const joinLive = { join: { room: 'hot', start: { live: {} } } };
const joinAll = { join: { room: 'hot', start: { earliest: {} } } };

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Memory of this process that is in use: what is under way at the moment comes and goes, what is held stays. */
class HeldMemory {
  #lowest = Infinity;

  sample(): void {
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    this.#lowest = Math.min(this.#lowest, heapUsed + external);
  }

  get bytes(): number {
    return this.#lowest;
  }
}

describe('Isolated: a stuck viewer', () => {
  let nats: TestNats;
  let clock: SkippingClock;
  let gateway: TestGateway;
  let recorder: RunRecorder;
  let loads: Load[];

  beforeEach(async () => {
    nats = await startNats();
    clock = new SkippingClock();
    gateway = await startTestGateway(nats.url, { ...limits, ...webSocket.config }, { clock });
    recorder = new RunRecorder();
    loads = [];
  });

  afterEach(async () => {
    await gateway.close();
    await nats.stop();
  });

  /** Two publishers that send as fast as they can; resolves when messages flow. */
  async function heat(): Promise<void> {
    const payload = Buffer.alloc(8 * 1024, 'x');
    loads = ['ann', 'bob'].map(
      (sender) =>
        new Load(recorder, {
          client: gateway.client(),
          room: 'hot',
          sender,
          message: { type: 'gift', payload },
        }),
    );
    await flow(50);
  }

  async function flow(messages: number): Promise<void> {
    const before = storedBy(loads);
    await until(`${messages} messages are stored`, () => storedBy(loads) >= before + messages);
  }

  /** Lets the gateway's time pass until it holds; in steps, so that who is being written to is not stuck. */
  const passes = (name: string, holds: () => boolean): Promise<unknown> =>
    until(name, () => {
      clock.skip(SLOW_CONSUMER_TIMEOUT_MS / 30);
      return holds();
    });

  const cool = (): Promise<unknown> => Promise.all(loads.map((load) => load.stop()));

  it('costs the others nothing and little memory, and is cut off', async () => {
    // More than the kernel takes for a connection, so that a replay blocks at once.
    const filler = Buffer.alloc(256 * 1024, 'x');
    const filling = gateway.client();
    for (let n = 0; n < 40; n++) await recorder.publish(filling, 'hot', { type: 'gift', payload: filler });
    const viewers = Array.from({ length: 5 }, () => gateway.client());
    const recordings = viewers.map((viewer) => recorder.follow(viewer, 'hot'));
    await until('the healthy ones are live', () =>
      recordings.every(({ events }) => events.some(({ kind }) => kind === 'caught-up')),
    );
    await heat();
    const healthy = gateway.stats.sessions;
    const before = new HeldMemory();
    for (let sample = 0; sample < 5; sample++) {
      await flow(10);
      before.sample();
    }

    const paused = Array.from({ length: 20 }, () => RawStream.hello(gateway.address));
    for (const stream of paused) {
      stream.send(joinLive);
      stream.call.pause();
    }
    const deaf = Array.from(
      { length: 5 },
      () => new TcpViewer(gateway.address, { hello: { client: 'deaf' } }, joinAll),
    );
    const stuck = paused.length + deaf.length;
    await until('all are in', () => gateway.stats.sessions === healthy + stuck);
    const during = new HeldMemory();
    for (let sample = 0; sample < 10; sample++) {
      await flow(50);
      const stored = storedBy(loads);
      await until('the healthy ones have all of it', () =>
        recordings.every(({ messages }) => messages.length >= stored),
      );
      during.sample();
      // Between two times that memory is brought within its limits: the page that is read, and the one behind it.
      assert.ok(
        gateway.stats.memory <= limits.logBytes + 2 * BYTES_OF_PAGE,
        `log memory: ${gateway.stats.memory}`,
      );
      await until('memory is within its limits', () => gateway.stats.memory <= limits.logBytes + MIB);
    }
    assert.equal(gateway.stats.sessions, healthy + stuck, 'all the time the stuck ones were there');
    const more = during.bytes - before.bytes;
    const allowed = limits.logBytes + paused.length * BYTES_OF_LIVE + deaf.length * BYTES_OF_REPLAYING;
    assert.ok(more < allowed, `${more} bytes more than before, ${allowed} allowed`);

    await passes('all stuck ones are cut off', () => gateway.stats.sessions === healthy);
    await cool();
    // Not only their streams are gone.
    await until('their connections are gone', () => gateway.stats.connections === healthy);
    assert.deepEqual(
      viewers.map(({ counters }) => counters.reconnects),
      viewers.map(() => 0),
    );
    assertGuarantees(await recorder.finish(gateway.client()));
    for (const stream of paused) stream.close();
    for (const viewer of deaf) viewer[Symbol.dispose]();
  });

  it('is cut off as well when it breaks the protocol meanwhile', async () => {
    const publisher = gateway.client();
    const filler = Buffer.alloc(256 * KIB, 'x');
    for (let n = 0; n < 2; n++) await publisher.publish('hot', { type: 'gift', payload: filler });
    const garbage = grpcMessage(Buffer.from('\x0a\xff'));
    const secondHello = grpcMessage(liveService.Connect.requestSerialize({ hello: {} }));
    const tooLong = Buffer.from([0, 0x7f, 0xff, 0xff, 0xff]);
    const viewers = [[garbage], [secondHello], [tooLong, tooLong]].map((offences) => {
      // Its window takes a quarter of a message.
      const session = http2Connect(`http://${gateway.address}`);
      session.on('error', () => undefined);
      const stream = session.request({
        ':method': 'POST',
        ':path': liveService.Connect.path,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      stream.on('error', () => undefined);
      for (const message of [{ hello: {} }, joinAll])
        stream.write(grpcMessage(liveService.Connect.requestSerialize(message)));
      return { session, stream, offences };
    });
    await until('each has more in flight than it takes', () => gateway.stats.unacknowledged === 3);
    await Promise.all(
      viewers.map(async ({ session, stream, offences }) => {
        for (const offence of offences) {
          stream.write(offence);
          await new Promise((resolve) => session.ping(resolve));
        }
      }),
    );
    await passes('their connections are gone', () => viewers.every(({ session }) => session.closed));
    assert.equal(gateway.stats.connections, 1);
    assert.equal(gateway.stats.sessions, 1);
  });

  for (const transport of transports)
    it(`is not cut off when only its application by ${transport.name} is stuck: its room waits, and nothing is lost`, async () => {
      const application = new EventEmitter();
      const goesOn = once(application, 'go on');
      const endpoints = [transport.endpointAt(transport.addressOf(gateway))];
      const client = gateway.client({ endpoints, roomWindowBytes: 16 * 1024 });
      const viewer = recorder.follow(client, 'hot', {
        handle: async (event) => {
          if (event.kind === 'message') await goesOn;
        },
      });
      await until('it is in', () => gateway.stats.sessions === 1);
      await heat();
      await passes('nobody is seen to read', () => client.counters.stalls > 0);
      assert.equal(viewer.messages.length, 1);
      application.emit('go on');
      await flow(20);
      await cool();
      assertGuarantees(await recorder.finish(gateway.client()));
      assert.equal(client.counters.reconnects, 0);
    });

  it('is told the exact number of ephemeral messages that it missed', async () => {
    const publisher = gateway.client();
    const comment = (payload: string | Buffer): Promise<unknown> =>
      publisher.publish('hot', { type: 'comment', payload });
    const streams = [RawStream.hello(gateway.address), RawStream.hello(gateway.address)] as const;
    const [slow, quick] = streams;
    for (const stream of streams) {
      stream.send(joinLive);
      await stream.next('caughtUp');
    }
    await comment('first');
    await until('both got the first', () => streams.every((stream) => markers(stream).includes('first')));
    slow.call.pause();
    for (let n = 0; n < 300; n++) await comment(Buffer.alloc(4096, 'x'));
    slow.call.resume();
    await comment('last');
    await until('both got the last', () => streams.every((stream) => markers(stream).includes('last')));

    const [ofSlow, ofQuick] = [countBetween(slow), countBetween(quick)];
    assert.ok(ofSlow.dropped > 0, 'something was dropped');
    assert.equal(ofSlow.received + ofSlow.dropped, ofQuick.received + ofQuick.dropped);
    assert.ok(ofQuick.received + ofQuick.dropped >= 301);
    for (const stream of streams) stream.close();
  });
});

function markers(stream: RawStream): string[] {
  return stream
    .all('batch')
    .flatMap(({ ephemeral }) => ephemeral)
    .filter(({ payload }) => payload.length < 10)
    .map(({ payload }) => payload.toString());
}

/** Ephemeral messages after the first marker, up to and with the last. */
function countBetween(stream: RawStream): { received: number; dropped: number } {
  let received = 0;
  let dropped = 0;
  let counting = false;
  for (const batch of stream.all('batch')) {
    if (counting) dropped += batch.ephemeralDropped;
    for (const { payload } of batch.ephemeral) {
      if (counting) received++;
      if (payload.toString() === 'first') counting = true;
      if (payload.toString() === 'last') counting = false;
    }
  }
  return { received, dropped };
}
