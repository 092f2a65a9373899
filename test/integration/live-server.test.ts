import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import type { ClientDuplexStream, ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { connect } from 'nats';
import { LiveClient } from '../../client/index.ts';
import { streamConfig } from '../../server/nats/stream/stream.ts';
import { Subjects } from '../../server/nats/connection/subjects.ts';
import { defaultConfig } from '../../server/config/config.ts';
import { health } from '../helpers/health.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { isAlive } from '../helpers/processes.ts';
import { until } from '../helpers/poll.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

describe('live-server', () => {
  let nats: TestNats;
  let directory: TempDir;
  let running: ServerProcess[];

  before(async () => {
    nats = await startNats();
  });

  after(() => nats.stop());

  beforeEach(async () => {
    directory = await tempDir();
    running = [];
  });

  afterEach(async () => {
    await Promise.all(running.map((server) => server[Symbol.asyncDispose]()));
    await directory[Symbol.asyncDispose]();
  });

  function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): ServerProcess {
    const server = new ServerProcess(args, env);
    running.push(server);
    return server;
  }

  async function serve(...args: string[]): Promise<{ server: ServerProcess; address: string }> {
    const server = run(['--nats', nats.url, '--listen', '127.0.0.1:0', ...args]);
    return { server, address: await server.address() };
  }

  it('says on one line that it is ready, and where; every line is JSON', async () => {
    const { server, address } = await serve();
    const ready = server.log.filter(({ msg }) => msg === 'ready');
    assert.equal(ready.length, 1);
    assert.match(address, /^127\.0\.0\.1:[1-9]\d*$/);
    assert.deepEqual(
      { level: ready[0]?.['level'], nats: ready[0]?.['nats'], stream: ready[0]?.['stream'] },
      { level: 'info', nats: [nats.url], stream: 'LIVE' },
    );
    server.signal('SIGTERM');
    assert.equal(await server.exit(), 0);
    assert.equal(server.log.at(-1)?.['msg'], 'stopped');
    assert.equal(server.stderr, '');
  });

  it('answers health checks and reflection', async () => {
    const { address } = await serve();
    assert.equal(await health(address), 'SERVING');
    assert.equal(await health(address, 'live.v1.Live'), 'SERVING');
    await assert.rejects(health(address, 'nothing'), /NOT_FOUND/);
    const services = await listServices(address);
    assert.ok(services.includes('live.v1.Live'), services.join(', '));
  });

  it('without --nats runs a NATS server of its own, and keeps what it was given', async () => {
    const dataDir = join(directory.path, 'data');
    const args = ['--listen', '127.0.0.1:0', '--data-dir', dataDir];
    const first = run(args);
    const client = new LiveClient({ endpoints: [await first.address()] });
    const { seq } = await client.publish('tea', { type: 'gift', payload: 'rose' });
    const [own] = first.log.filter(({ msg }) => msg === 'running our own NATS server');
    await client.close();
    first.signal('SIGTERM');
    assert.equal(await first.exit(), 0);
    await until('its NATS server is gone', () => !isAlive(own?.['pid'] as number));

    const second = run(args);
    const later = new LiveClient({ endpoints: [await second.address()] });
    assert.equal((await later.room('tea')).head, seq);
    await later.close();
  });

  it('ends with 1 when its own NATS server dies', async () => {
    const server = run(['--listen', '127.0.0.1:0', '--data-dir', directory.path]);
    await server.address();
    const [own] = server.log.filter(({ msg }) => msg === 'running our own NATS server');
    process.kill(own?.['pid'] as number, 'SIGKILL');
    assert.equal(await server.exit(), 1);
    assert.match(server.stdout, /our own NATS server has ended/);
  });

  describe('refuses to start', () => {
    const misuse: [name: string, args: string[], env: NodeJS.ProcessEnv, message: RegExp][] = [
      ['with a wrong address', ['--listen', 'nowhere'], {}, /--listen \(LIVE_LISTEN\): "nowhere".*host:port/],
      ['with a wrong duration', ['--heartbeat', '5'], {}, /--heartbeat \(LIVE_HEARTBEAT\): "5".*duration/],
      [
        'with a wrong variable',
        [],
        { LIVE_MAX_BYTES: 'lots' },
        /--max-bytes \(LIVE_MAX_BYTES\): "lots".*size/,
      ],
      ['with a wrong stream name', ['--stream', 'a.b'], {}, /--stream/],
      ['with a setting that does not exist', ['--frobnicate'], {}, /--frobnicate/],
      ['beyond loopback without --insecure', ['--listen', '0.0.0.0:0'], {}, /--listen.*--insecure/],
    ];
    for (const [name, args, env, message] of misuse) {
      it(`${name}: exit code 2, and the setting is named`, async () => {
        const server = run(args, env);
        assert.equal(await server.exit(), 2);
        assert.match(server.stderr, message);
        assert.equal(server.stdout, '');
      });
    }

    it('on a port in use: exit code 3, and the address is named', async () => {
      const other = createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      const address = `127.0.0.1:${(other.address() as AddressInfo).port}`;
      const server = run(['--nats', nats.url, '--listen', address]);
      assert.equal(await server.exit(), 3);
      other.close();
      assert.match(server.stderr, new RegExp(`${address}.*in use.*--listen`));
    });

    it('on a stream with another configuration: exit code 3, the difference, and what fixes it', async () => {
      await using other = await startNats();
      const connection = await connect({ servers: other.url });
      const jsm = await connection.jetstreamManager();
      const subjects = ['live.room.*', 'other.*'];
      const wanted = streamConfig({ settings: defaultConfig({ stream: 'OTHER' }), subjects: new Subjects() });
      await jsm.streams.add({ ...wanted, subjects, max_msgs_per_subject: 10 });
      await connection.close();
      const server = run(['--nats', other.url, '--listen', '127.0.0.1:0', '--stream', 'OTHER']);
      assert.equal(await server.exit(), 3);
      assert.match(server.stderr, /OTHER/);
      assert.match(
        server.stderr,
        /subjects: is \["live\.room\.\*","other\.\*"\], must be \["live\.room\.\*"\]/,
      );
      assert.match(server.stderr, /max_msgs_per_subject: is 10, must be -1/);
      assert.match(server.stderr, /nats stream edit OTHER .*--max-msgs-per-subject=-1/);
    });

    it('on a data directory in use: exit code 3, and the directory is named', async () => {
      const args = ['--listen', '127.0.0.1:0', '--data-dir', directory.path];
      const first = run(args);
      await first.address();
      const second = run(args);
      assert.equal(await second.exit(), 3);
      assert.ok(second.stderr.includes(directory.path), second.stderr);
      assert.match(second.stderr, /--data-dir/);
    });
  });

  it('beyond loopback with --insecure it serves', async () => {
    const server = run(['--nats', nats.url, '--listen', '0.0.0.0:0', '--insecure']);
    assert.match(await server.address(), /^0\.0\.0\.0:\d+$/);
  });
});

interface ReflectionAnswer {
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] };
}

/** The services that a server says it has. */
async function listServices(address: string): Promise<string[]> {
  const file = createRequire(import.meta.url).resolve('@grpc/reflection');
  const proto = join(dirname(file), '../proto/grpc/reflection/v1/reflection.proto');
  const { grpc } = loadPackageDefinition(loadSync(proto)) as unknown as {
    grpc: { reflection: { v1: { ServerReflection: ServiceClientConstructor } } };
  };
  const client = new grpc.reflection.v1.ServerReflection(address, credentials.createInsecure());
  const ask = client['serverReflectionInfo'] as () => ClientDuplexStream<object, ReflectionAnswer>;
  const call = ask.call(client).on('error', () => undefined);
  call.write({ listServices: '' });
  const [answer] = (await once(call, 'data')) as [ReflectionAnswer];
  call.cancel();
  client.close();
  return answer.listServicesResponse?.service.map(({ name }) => name) ?? [];
}
