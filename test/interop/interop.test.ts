import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { inSeconds, SECRET, token } from '../helpers/tokens.ts';

/** Where `setup.sh` has put what others have made. */
const DIRECTORY = process.env['LIVE_TEST_INTEROP'] ?? '';
const MESSAGES = 300;
const KILLS = 3;

/** Skips a suite, by name, where what it runs cannot be had. */
function where(program: string): Mocha.SuiteFunction | Mocha.PendingSuiteFunction {
  return existsSync(join(DIRECTORY, program)) ? describe : describe.skip;
}

const viewers: readonly (readonly [name: string, program: string, ...args: string[]])[] = [
  ['Python', 'venv/bin/python', 'python/viewer.py'],
  ['Go', 'bin/viewer'],
];

for (const [name, program, ...args] of viewers) {
  where(program)(`a viewer in ${name}, made of the contract by its own tools`, () => {
    it('gets every message once and in order, while gateways are killed', async () => {
      await using nats = await startNats();
      const gateways = [await ServerProcess.start(nats.url), await ServerProcess.start(nats.url)];
      const addresses = await Promise.all(gateways.map((gateway) => gateway.address()));
      await using producer = await StockProducer.connect(nats.url);
      for (let n = 0; n < MESSAGES / 3; n++) await producer.publish('tea', `m${n}`);
      const viewer = run(program, [...args, 'tea', 'last', ...addresses]);
      try {
        const lines = linesOf(viewer);
        for (let n = MESSAGES / 3; n < MESSAGES; n++) {
          await producer.publish('tea', `m${n}`);
          if (n % (MESSAGES / KILLS / 2) !== 0) continue;
          await until('it has come so far', () => lines().length > n);
          await restart(gateways, addresses, n % 2, nats.url);
        }
        await producer.publish('tea', 'last');
        await until('it has got the last', () => viewer.exitCode !== null);
        const payloads = lines().map((line) => (JSON.parse(line) as { payload?: string }).payload);
        const expected = Array.from({ length: MESSAGES }, (_, n) => `m${n}`);
        assert.deepEqual(payloads, [...expected, 'last']);
      } finally {
        viewer.kill('SIGKILL');
        for (const gateway of gateways) await gateway[Symbol.asyncDispose]();
      }
    });

    it('is told that a room cannot be, and does not try again', async () => {
      await using nats = await startNats();
      await using gateway = await startTestGateway(nats.url);
      const viewer = run(program, [...args, 'no room', 'last', gateway.address]);
      const said = text(viewer.stderr!);
      await until('it gives up', () => viewer.exitCode !== null);
      assert.equal(viewer.exitCode, 1);
      assert.match(await said, /a room name is 1 to 64/);
    });
  });
}

where('bin/grpcurl')('grpcurl at a gateway that asks for tokens', () => {
  it('is let in with a good one, and told by name what is wrong with others', async () => {
    await using nats = await startNats();
    await using directory = await tempDir();
    const secretFile = join(directory.path, 'secret');
    await writeFile(secretFile, SECRET);
    await using gateway = await startTestGateway(nats.url, {
      jwtSecretFile: secretFile,
      jwtAudience: 'live',
    });
    const publish = async (authorization?: string): Promise<string> => {
      const data = JSON.stringify({ room: 'tea', type: 'comment', payload: '' });
      const header = authorization === undefined ? [] : ['-H', `authorization: ${authorization}`];
      const words = ['-plaintext', ...header, '-d', data, gateway.address, 'live.v1.Live/Publish'];
      const said = await promisify(execFile)(join(DIRECTORY, 'bin/grpcurl'), words).then(
        () => 'published',
        (error: unknown) => (error as { stderr: string }).stderr,
      );
      return /"reason": "(\w+)"/.exec(said)?.[1] ?? said;
    };
    const good = { sub: 'ann', aud: 'live', exp: inSeconds(600) };
    assert.equal(await publish(`Bearer ${token(good)}`), 'published');
    assert.equal(await publish(), 'TOKEN_MISSING');
    assert.equal(await publish(`Bearer ${token({ ...good, exp: inSeconds(-600) })}`), 'TOKEN_EXPIRED');
    assert.equal(await publish(`Bearer ${token({ ...good, aud: 'other' })}`), 'TOKEN_INVALID');
    assert.equal(await publish(`Bearer ${token({ ...good, rooms: ['coffee'] })}`), 'NOT_PERMITTED');
  });
});

where('bin/grpcurl')('grpcurl, by reflection', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  before(async () => {
    nats = await startNats();
    gateway = await startTestGateway(nats.url);
  });
  after(async () => {
    await gateway.close();
    await nats.stop();
  });

  async function grpcurl(data: object | undefined, ...words: string[]): Promise<string> {
    const given = data === undefined ? [] : ['-d', JSON.stringify(data)];
    const program = join(DIRECTORY, 'bin/grpcurl');
    const { stdout } = await promisify(execFile)(program, [
      '-plaintext',
      ...given,
      gateway.address,
      ...words,
    ]);
    return stdout;
  }
  const call = async (method: string, data: object): Promise<unknown> =>
    JSON.parse(await grpcurl(data, method)) as unknown;

  it('lists every service', async () => {
    assert.deepEqual((await grpcurl(undefined, 'list')).trim().split('\n'), [
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
      'live.v1.Live',
      'live.v1.Moderation',
    ]);
  });

  it('describes them, and every message, with maps and comments', async () => {
    assert.match(await grpcurl(undefined, 'describe', 'live.v1.Live'), /rpc Connect \( stream/);
    assert.match(await grpcurl(undefined, 'describe', 'live.v1.Message'), /map<string, string> headers = 9/);
    assert.match(await grpcurl(undefined, 'describe', 'live.v1.Join'), /optional uint64 credit_bytes = 4/);
    assert.match(await grpcurl(undefined, 'describe', 'live.v1.Reason'), /connect elsewhere/);
    assert.match(await grpcurl(undefined, 'describe', 'grpc.health.v1.Health'), /rpc Check/);
  });

  it('publishes, pulls and describes a room, and asks for health', async () => {
    const payload = Buffer.from('hi').toString('base64');
    const message = { room: 'tea', type: 'gift', payload, headers: { a: 'b' } };
    assert.deepEqual(await call('live.v1.Live/Publish', message), { seq: '1' });
    const room = (await call('live.v1.Live/GetRoom', { room: 'tea' })) as { count: string };
    assert.equal(room.count, '1');
    const pulled = await grpcurl({ room: 'tea', start: { earliest: {} } }, 'live.v1.Live/Pull');
    assert.match(pulled, /"payload": "aGk="/);
    assert.match(pulled, /"end"/);
    assert.deepEqual(await call('grpc.health.v1.Health/Check', { service: 'live.v1.Live' }), {
      status: 'SERVING',
    });
  });

  it('shows why something is refused, in the terms of the ecosystem', async () => {
    const refused = (data: object, method: string): Promise<string> =>
      grpcurl(data, method).then(
        () => assert.fail('was not refused'),
        (error: unknown) => (error as { stderr: string }).stderr,
      );
    const pulled = await refused({ room: 'tea' }, 'live.v1.Live/Pull');
    assert.match(pulled, /InvalidArgument/);
    assert.match(pulled, /google\.rpc\.ErrorInfo/);
    assert.match(pulled, /"reason": "START_INVALID"/);
    await nats.stop();
    await until('the gateway knows', () => gateway.stats.upstreamCauses.length > 0);
    const asked = await refused({ room: 'tea' }, 'live.v1.Live/GetRoom');
    assert.match(asked, /"reason": "UPSTREAM_UNAVAILABLE"/);
    assert.match(asked, /google\.rpc\.RetryInfo/);
  });
});

function run(program: string, args: readonly string[]): ChildProcess {
  const command = join(DIRECTORY, program);
  return spawn(command, args, { cwd: DIRECTORY, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The complete lines of a program's output so far. */
function linesOf({ stdout }: ChildProcess): () => string[] {
  let output = '';
  stdout!.setEncoding('utf8').on('data', (piece: string) => (output += piece));
  return () => output.split('\n').slice(0, -1);
}

/** Kills a gateway without warning and starts another one at its address. */
async function restart(
  gateways: ServerProcess[],
  addresses: readonly string[],
  which: number,
  nats: string,
): Promise<void> {
  await gateways[which]![Symbol.asyncDispose]();
  gateways[which] = await ServerProcess.start(nats, '--listen', addresses[which]!);
}
