import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { residentBytes } from '../../bench/measure/processes.ts';
import { LiveClient } from '../../client/index.ts';
import { seededRandom } from '../../common/random.ts';
import { parseAddress } from '../../common/units.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import { Load, storedBy } from '../helpers/load.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { inSeconds, SECRET, token } from '../helpers/tokens.ts';
import type { Input } from './inputs.ts';
import { Inputs } from './inputs.ts';

const SEED = Number(process.env['LIVE_TEST_SEED'] ?? Date.now() % 1_000_000);
const SECONDS = Number(process.env['LIVE_FUZZ_SECONDS'] ?? 120);
/** The gateway's memory is looked at after each; the first third of them is for it to grow to what it needs. */
const ROUNDS = 6;
const ATTACKERS = 8;
/** A client that has said all waits so long for what comes of it, in milliseconds. */
const LISTEN_MS = 30;
const MIB = 2 ** 20;

describe(`Isolated: a gateway that anything is sent to, for ${SECONDS} s (LIVE_TEST_SEED=${SEED})`, function () {
  this.timeout((SECONDS + 240) * 1_000);
  let nats: TestNats;
  let directory: TempDir;
  let server: ServerProcess;
  let address: string;
  let client: LiveClient;
  let inputs: Inputs;
  let sent: string[];
  let count: number;

  before(async () => {
    nats = await startNats();
    directory = await tempDir();
    const secret = join(directory.path, 'secret');
    await writeFile(secret, SECRET);
    const settings = ['--metrics', '127.0.0.1:0', '--jwt-secret-file', secret, '--idle-timeout', '1s'];
    server = await ServerProcess.start(nats.url, ...settings);
    address = await server.address();
    const claims = { sub: 'fuzz', exp: inSeconds(86_400), roles: ['publisher'] };
    const valid = token(claims);
    client = new LiveClient({ endpoints: [address], token: () => Promise.resolve(valid) });
    inputs = new Inputs(seededRandom(SEED), valid);
    sent = [];
    count = 0;
  });

  after(async () => {
    await client.close();
    await server[Symbol.asyncDispose]();
    await nats.stop();
    await directory[Symbol.asyncDispose]();
  });

  it('neither ends nor stalls nor grows, and its viewer gets each message once', async () => {
    const recorder = new RunRecorder();
    const recording = recorder.follow(client, 'tea');
    await until('the viewer is live', () => client.state.kind === 'live');
    const load = new Load(recorder, { client, room: 'tea', sender: 'fuzz' });
    const ours = monitorEventLoopDelay({ resolution: 10 });
    ours.enable();
    const sizes: number[] = [];
    const lags: { readonly gateway: number; readonly here: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      ours.reset();
      await metric('nodejs_eventloop_lag_max_seconds');
      await fuzz((SECONDS * 1_000) / ROUNDS);
      lags.push({
        gateway: 1_000 * (await metric('nodejs_eventloop_lag_max_seconds')),
        here: ours.max / 1e6,
      });
      sizes.push(residentBytes([server.pid]) / MIB);
    }
    ours.disable();
    await load.stop();
    const told = [
      `${count} connections`,
      `memory ${sizes.map(Math.round).join(', ')} MiB`,
      `longest stalls ${lags.map(({ gateway }) => Math.round(gateway)).join(', ')} ms`,
    ].join('; ');
    console.log(`      ${told}`);
    const faults = server.log.filter(({ level }) => level === 'error' || level === 50);
    assert.deepEqual(faults, [], told);
    assert.equal(await metric('live_gateway_refused_total{reason="INTERNAL_ERROR"}'), 0);
    assert.equal(client.counters.reconnects, 0);
    assert.ok(storedBy([load]) > 0);
    await until('the viewer has everything', () => recording.messages.length >= storedBy([load]));
    // They have a connection of their own, of an address whose others have broken the rules: it is refused while too many of them wait in line.
    await until('calls from here are served again', () => client.room('tea'));
    assertGuarantees(await recorder.finish(client));
    // A connection that HTTP/2 has broken with is not read any more, and ends by its keepalive.
    await until('nobody but the viewer is left', async () => (await metric('live_gateway_sessions')) <= 1);
    // A busy machine stalls everybody: this process, which does less, too.
    for (const { gateway, here } of lags) assert.ok(gateway < 1_000 + 4 * here, told);
    const settled = Math.max(...sizes.slice(0, ROUNDS / 3));
    assert.ok((sizes.at(-1) as number) < 1.3 * settled + 20, told);
  });

  /** @throws when the gateway has ended, with what was sent last */
  async function fuzz(ms: number): Promise<void> {
    const endMs = performance.now() + ms;
    const attack = async (): Promise<void> => {
      while (performance.now() < endMs) {
        const input = inputs.next();
        sent.push(`${++count} ${input.kind}`);
        if (sent.length > 4 * ATTACKERS) sent.shift();
        await send(input);
      }
    };
    await Promise.all(Array.from({ length: ATTACKERS }, attack));
    if (server.exited) throw new Error(`the gateway has ended after ${sent.join('; ')}: ${server.stderr}`);
  }

  async function send({ pieces }: Input): Promise<void> {
    const socket: Socket = connect(parseAddress(address) as { host: string; port: number });
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined).on('end', () => socket.destroy());
    socket.resume();
    for (const piece of pieces) socket.write(piece);
    await Promise.race([closed, delay(LISTEN_MS)]);
    socket.resetAndDestroy();
    await closed;
  }

  async function metric(name: string): Promise<number> {
    const { metrics } = server.log.find(({ msg }) => msg === 'ready') as { metrics: string };
    const page = await (await fetch(`http://${metrics}/metrics`)).text();
    const line = page.split('\n').find((text) => text.startsWith(`${name} `));
    return Number(line?.slice(name.length + 1) ?? 0);
  }
});
