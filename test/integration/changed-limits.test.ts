import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { LiveClient, LiveError } from '../../client/index.ts';
import { parseAddress } from '../../common/units.ts';
import type { ServerConfig } from '../../server/config/config.ts';
import { defaultConfig } from '../../server/config/config.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { SECRET, token } from '../helpers/tokens.ts';

const HTTP = { http: { host: '127.0.0.1', port: 0 } };
/** A rate by which one may come now, and the next in a thousand seconds. */
const ONE = 0.001;

describe('a gateway whose limits change while it serves', () => {
  let nats: TestNats;
  let directory: TempDir;
  let jwtSecretFile: string;
  let clock: SkippingClock;
  let gateway: TestGateway;
  let client: LiveClient;
  let sockets: Socket[];

  before(async () => {
    nats = await startNats();
    directory = await tempDir();
    jwtSecretFile = join(directory.path, 'secret');
    await writeFile(jwtSecretFile, SECRET);
  });

  after(async () => {
    await nats.stop();
    await directory[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    sockets = [];
    clock = new SkippingClock();
    const rates = { joinRate: Infinity, readRate: Infinity, refusalRate: Infinity, ephemeralRate: Infinity };
    gateway = await startTestGateway(nats.url, { ...HTTP, ...rates, jwtSecretFile }, { clock });
    client = gateway.client({ token: token({ sub: 'ann', roles: ['publisher'] }) });
  });

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await gateway.close();
  });

  const change = (limits: Partial<ServerConfig>): void => gateway.reconfigure(defaultConfig(limits));

  /** How many of so many attempts are let through, one after the other; why the others are not. */
  async function passing(count: number, attempt: () => Promise<unknown>): Promise<readonly [number, string]> {
    let passed = 0;
    let reason = '';
    for (let n = 0; n < count; n++) {
      try {
        await attempt();
        passed++;
      } catch (error) {
        ({ reason } = error as LiveError);
      }
    }
    return [passed, reason];
  }

  const like = (): Promise<unknown> => client.publish('r', { type: 'like', payload: 'x' });

  async function joined(room: string): Promise<void> {
    for await (const event of client.join(room)) if (event.kind === 'joined') return;
  }

  it('counts publishes, and ephemeral ones, by the new rates', async () => {
    assert.deepEqual(await passing(3, like), [3, '']);
    change({ userEphemeralRate: ONE });
    assert.deepEqual(await passing(3, like), [1, 'RATE_LIMITED']);
    change({ publishRate: 1_000 });
    assert.deepEqual(await passing(3, like), [3, '']);
  });

  it('counts reads of rooms by the new rate', async () => {
    await client.publish('read', { type: 'gift', payload: 'x' });
    const read = (): Promise<unknown> => client.room('read');
    assert.deepEqual(await passing(3, read), [3, '']);
    change({ readRate: ONE });
    assert.deepEqual(await passing(3, read), [1, 'RATE_LIMITED']);
  });

  it('counts joins by the new rate', async () => {
    await joined('j');
    change({ joinRate: ONE });
    const events = Array.from({ length: 2 }, (_, n) => client.join(`j${n}`)[Symbol.asyncIterator]());
    const kinds = await Promise.all(events.map(async (each) => (await each.next()).value?.kind));
    assert.deepEqual([...kinds].sort(), ['joined', 'retrying']);
  });

  it('samples rooms that are open by the new rate', async () => {
    const events = client.join('r')[Symbol.asyncIterator]();
    assert.equal((await events.next()).value?.kind, 'joined');
    await passing(20, like);
    assert.equal(gateway.stats.ephemeralSampledOut, 0);
    change({ ephemeralRate: ONE });
    await passing(20, like);
    await until('some are not passed on', () => gateway.stats.ephemeralSampledOut > 0);
  });

  it('holds the memory of rooms within the new limit, and keeps no more of them than that', async () => {
    const events = client.join('large')[Symbol.asyncIterator]();
    assert.equal((await events.next()).value?.kind, 'joined');
    for (let n = 0; n < 8; n++)
      await client.publish('large', { type: 'gift', payload: Buffer.alloc(100_000) });
    await until('it is in memory', () => gateway.stats.memory > 700_000);
    change({ roomLogBytes: 300_000 });
    await until('the room has less', () => gateway.stats.memory <= 300_000);
    change({ logBytes: 150_000, lingeringRooms: 0 });
    await until('all rooms have less', () => gateway.stats.memory <= 150_000);
    await client.close();
    await until('it is closed with its last viewer', () => gateway.stats.rooms === 0);
  });

  it('lets in as many connections as it may now', async () => {
    const { host, port } = parseAddress(gateway.address)!;
    const dial = (): Socket => {
      const socket = connect({ host, port });
      socket.on('error', () => undefined);
      sockets.push(socket);
      return socket;
    };
    const closed = (socket: Socket): Promise<unknown> =>
      new Promise((resolve) => socket.resume().once('close', resolve));
    const first = dial();
    await until('it is there', () => gateway.stats.connections === 1);
    change({ maxConnections: 1 });
    await closed(dial());
    assert.equal(gateway.stats.connections, 1);
    change({ maxConnectionsPerAddress: 1 });
    dial();
    await until('one of the address is counted', () => gateway.stats.connections === 2);
    await closed(dial());
    assert.equal(first.destroyed, false);
  });

  it('allows pages of the new origins', async () => {
    const allowed = async (): Promise<string | null> => {
      const headers = { origin: 'https://a.example', connection: 'close' };
      const response = await fetch(`http://${gateway.http}/v1/rooms/r`, { headers });
      await response.body?.cancel();
      return response.headers.get('access-control-allow-origin');
    };
    assert.equal(await allowed(), null);
    change({ httpOrigins: ['https://a.example'] });
    assert.equal(await allowed(), 'https://a.example');
    change({});
    assert.equal(await allowed(), null);
  });

  it('answers so many refused calls at once as it may now', async () => {
    change({ refusalRate: ONE });
    let answered = 0;
    const calls = Array.from({ length: 8 }, () =>
      gateway
        .client({ token: 'no token' })
        .room('r')
        .catch(() => answered++),
    );
    await until('one is answered', () => answered > 0);
    assert.ok(answered < 8, `${answered}`);
    clock.skip(4_000);
    await Promise.all(calls);
    assert.equal(answered, 8);
  });
});
