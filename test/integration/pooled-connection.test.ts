import assert from 'node:assert/strict';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { connect } from 'node:http2';
import { connect as tcpConnect } from 'node:net';
import { PoolingProxy } from '../../chaos/links/pooling-proxy.ts';
import { Pool } from '../../chaos/run/viewers/pool.ts';
import { LiveClient } from '../../client/index.ts';
import { systemClock } from '../../common/clock.ts';
import { formatAddress, parseAddress } from '../../common/units.ts';
import type { ClientFrameInput } from '../../protos/live.ts';
import { liveService } from '../../protos/live.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import { Load, storedBy } from '../helpers/load.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { rawPublish } from '../helpers/raw-stream.ts';
import type { RoomRecording } from '../helpers/recorder.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import { grpcMessage } from '../helpers/tcp-viewer.ts';

/** Passes only by hand: nobody is stuck just because the machine is busy. */
const SLOW_CONSUMER_TIMEOUT_MS = 600_000;
const headers = {
  ':method': 'POST',
  ':path': liveService.Connect.path,
  'content-type': 'application/grpc',
  te: 'trailers',
};
const joinHot: ClientFrameInput = { join: { room: 'hot', start: { live: {} } } };

function say(stream: ClientHttp2Stream, ...frames: ClientFrameInput[]): void {
  for (const frame of frames) stream.write(grpcMessage(liveService.Connect.requestSerialize(frame)));
}

describe('Isolated: a connection that a proxy pools', () => {
  let nats: TestNats;
  let clock: SkippingClock;
  let gateway: TestGateway;
  let recorder: RunRecorder;
  let loads: Load[];

  beforeEach(async () => {
    nats = await startNats();
    clock = new SkippingClock();
    gateway = await startTestGateway(
      nats.url,
      { slowConsumerTimeoutMs: SLOW_CONSUMER_TIMEOUT_MS, ephemeralRate: Infinity },
      { clock },
    );
    recorder = new RunRecorder();
    loads = [];
  });

  afterEach(async () => {
    await gateway.close();
    await nats.stop();
  });

  async function heat(): Promise<void> {
    const payload = Buffer.alloc(8 * 1024, 'x');
    const message = { type: 'gift', payload };
    loads = [new Load(recorder, { client: gateway.client(), room: 'hot', sender: 'ann', message })];
    await flow();
  }

  async function flow(): Promise<void> {
    const before = storedBy(loads);
    await until('50 messages are stored', () => storedBy(loads) >= before + 50);
  }

  const cool = (): Promise<unknown> => Promise.all(loads.map((load) => load.stop()));

  /** Lets the gateway's time pass until it holds; in steps, so that who is being written to is not stuck. */
  const passes = (name: string, holds: () => boolean): Promise<unknown> =>
    until(name, () => {
      clock.skip(SLOW_CONSUMER_TIMEOUT_MS / 30);
      return holds();
    });

  const hasAll = (recordings: readonly RoomRecording[]): Promise<unknown> => {
    const stored = storedBy(loads);
    return until('the others have all of it', () =>
      recordings.every(({ messages }) => messages.length >= stored),
    );
  };

  describe('by a proxy that lives', () => {
    let pool: PoolingProxy;
    let viewers: LiveClient[];
    let recordings: RoomRecording[];
    let stuck: ClientHttp2Stream;

    beforeEach(async () => {
      pool = await PoolingProxy.listen(parseAddress(gateway.address)!);
      // Nothing but the proxy's connection is judged: that clients go elsewhere when nothing comes would hide what becomes of it.
      const patient = { endpoints: [formatAddress(pool.address)], probeTimeoutMs: SLOW_CONSUMER_TIMEOUT_MS };
      viewers = Array.from({ length: 3 }, () => gateway.client(patient));
      recordings = viewers.map((viewer) => recorder.follow(viewer, 'hot'));
      await until('they are live', () =>
        recordings.every(({ events }) => events.some(({ kind }) => kind === 'caught-up')),
      );
      assert.equal(pool.connections, 1);
    });

    afterEach(() => pool.close());

    /** The stuck one is gone, and nobody else was. */
    async function assertCutOff(): Promise<void> {
      await passes('the stuck one is cut off', () => stuck.closed);
      await flow();
      await cool();
      await hasAll(recordings);
      assert.deepEqual(
        viewers.map(({ counters }) => counters.reconnects),
        [0, 0, 0],
      );
      assert.equal(pool.connections, 1);
      assertGuarantees(await recorder.finish(gateway.client()));
    }

    it('keeps its other viewers when one of them is stuck', async () => {
      await heat();
      ({ stream: stuck } = pool.openStuck(headers));
      // Of the connection's window everything is given back.
      stuck.session?.setLocalWindowSize(16 * 1024 * 1024);
      say(stuck, { hello: {} }, joinHot);
      await until('it has more in flight than it takes', () => stuck.readableLength >= 65_535);
      await flow();
      await hasAll(recordings);
      await assertCutOff();
    });

    it('goes on for the others when what one has not read had filled the window of all', async () => {
      ({ stream: stuck } = pool.openStuck(headers));
      const publish = { room: 'own', type: 'gift', payload: Buffer.alloc(128 * 1024), key: 'one' };
      say(
        stuck,
        { hello: {} },
        { join: { room: 'own', start: { earliest: {} } } },
        { publish: { request: publish } },
      );
      await until('it has what the window takes', () => stuck.readableLength > 60_000);
      await heat();
      await until('nothing comes to anybody', async () => {
        const before = recordings.map(({ messages }) => messages.length);
        await flow();
        return recordings.every(({ messages }, index) => messages.length === before[index]);
      });
      await assertCutOff();
    });
  });

  it('has one neighbour that is stuck, however often it is asked for, until the gateway ends it', async () => {
    const pool = await Pool.open([parseAddress(gateway.address)!], systemClock);
    const leave = [pool.bringNeighbours('own'), pool.bringNeighbours('own')];
    await until('it has more in flight than it takes', () => gateway.stats.unacknowledged > 0);
    assert.deepEqual([pool.stuck, gateway.stats.sessions], [1, 1]);
    for (const go of leave) go();
    assert.equal(pool.stuck, 1, 'it does not go by itself');
    await passes('it is gone', () => pool.stuck === 0);
    await until('nobody comes after it', () => gateway.stats.sessions === 0);
    await pool.close();
  });

  it('is left by a neighbour that could not fill its window', async () => {
    const pool = await Pool.open([parseAddress(gateway.address)!], systemClock);
    pool.bringNeighbours('no room name')();
    await until('it has left', () => pool.stuck === 0);
    await pool.close();
  });

  it('carries short calls and refusals, and is made anew when it has ended', async () => {
    const pool = await PoolingProxy.listen(parseAddress(gateway.address)!);
    const address = formatAddress(pool.address);
    const client = new LiveClient({ endpoints: [address] });
    await assert.rejects(client.room('demo'), { reason: 'ROOM_UNKNOWN' });
    await gateway.client().publish('demo', { type: 'gift', payload: 'one' });
    assert.equal((await client.room('demo')).count, 1n);
    assert.equal(pool.connections, 1);
    client.join('demo');
    await until('the viewer is live', () => client.state.kind === 'live');
    await gateway.close();
    await until('the client notices', () => client.state.kind === 'backoff');
    const { code } = await rawPublish(address, { room: 'demo', type: 'gift', key: 'two' });
    assert.equal(code, 'UNAVAILABLE');
    await client.close();
    await pool.close();
  });

  it('is cut when it takes nothing at all, whoever is on it', async () => {
    const [host, port] = gateway.address.split(':');
    const socket = tcpConnect(Number(port), host);
    const session: ClientHttp2Session = connect(`http://${gateway.address}`, {
      createConnection: () => socket,
      settings: { initialWindowSize: 2 ** 31 - 1 },
    });
    session.on('error', () => undefined);
    session.on('connect', () => session.setLocalWindowSize(2 ** 31 - 1));
    const streams = Array.from({ length: 3 }, () => session.request(headers, { endStream: false }));
    for (const stream of streams) {
      stream.on('error', () => undefined);
      say(stream, { hello: {} }, joinHot);
    }
    await until('they are in', () => gateway.stats.sessions === 3);
    await heat();
    const { connections } = gateway.stats;
    // TCP itself takes no more.
    (socket as unknown as { _handle: { readStop(): void } })._handle.readStop();
    await passes('the connection is gone', () => gateway.stats.connections === connections - 1);
    await cool();
    session.destroy();
  });
});
