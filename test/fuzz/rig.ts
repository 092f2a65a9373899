import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { residentBytes } from '../../bench/measure/processes.ts';
import type { Address } from '../../common/units.ts';
import { parseAddress } from '../../common/units.ts';
import { sumOf } from '../helpers/metrics.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { inSeconds, SECRET, token } from '../helpers/tokens.ts';
import type { Input } from './input.ts';

export const SEED = Number(process.env['LIVE_TEST_SEED'] ?? Date.now() % 1_000_000);
export const SECONDS = Number(process.env['LIVE_FUZZ_SECONDS'] ?? 120);
/** What a test may take, in milliseconds. */
export const TEST_MS = (SECONDS + 240) * 1_000;
/** The gateway's memory is looked at after each; the first third of them is for it to grow to what it needs. */
const ROUNDS = 6;
/** Each has an address of its own: when one of them is on probation nobody else waits. */
const ATTACKERS = 8;
/** A client that has said all waits so long for what comes of it, in milliseconds; and one that takes nothing. */
const LISTEN_MS = 30;
const DEAF_MS = 300;
const MIB = 2 ** 20;

/** What is open in the gateway, or held. */
const COUNTS = ['live_gateway_sessions', 'live_gateway_connections', 'live_gateway_receiving_bytes'] as const;
type Counts = Readonly<Record<(typeof COUNTS)[number], number>>;

/** A gateway in a process of its own, which asks for tokens, and those who attack it. */
export class FuzzRig implements AsyncDisposable {
  readonly #nats: TestNats;
  readonly #directory: TempDir;
  readonly #server: ServerProcess;
  /** Where gRPC is served. */
  readonly address: string;
  /** One that the gateway takes, of somebody who may publish. */
  readonly token: string;
  #sent: string[] = [];
  #connections = 0;

  private constructor(nats: TestNats, directory: TempDir, server: ServerProcess, address: string) {
    this.#nats = nats;
    this.#directory = directory;
    this.#server = server;
    this.address = address;
    this.token = token({ sub: 'fuzz', exp: inSeconds(86_400), roles: ['publisher'] });
  }

  /** @param settings of the gateway, beside those that all have */
  static async start(...settings: string[]): Promise<FuzzRig> {
    const nats = await startNats();
    const directory = await tempDir();
    const secret = join(directory.path, 'secret');
    await writeFile(secret, SECRET);
    const common = ['--metrics', '127.0.0.1:0', '--jwt-secret-file', secret, '--suspect-connections', '1000'];
    const server = await ServerProcess.start(nats.url, ...common, ...settings);
    return new FuzzRig(nats, directory, server, await server.address());
  }

  /** Where HTTP is served. */
  get http(): string {
    return this.#ready.http;
  }

  /** What is open now, or held. */
  async counts(): Promise<Counts> {
    const page = await this.#metrics();
    return Object.fromEntries(COUNTS.map((name) => [name, sumOf(page, name)])) as Counts;
  }

  /**
   * Sends whatever is made, for {@link SECONDS}, then checks that the gateway has neither ended nor stalled nor grown, and found no fault of its own.
   * @param address that is attacked
   */
  async attack(address: string, make: () => Input): Promise<void> {
    const ours = monitorEventLoopDelay({ resolution: 10 });
    ours.enable();
    const sizes: number[] = [];
    const lags: { readonly gateway: number; readonly here: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      ours.reset();
      await this.#longestStallMs();
      await this.#round(parseAddress(address) as Address, make);
      lags.push({ gateway: await this.#longestStallMs(), here: ours.max / 1e6 });
      sizes.push(residentBytes([this.#server.pid]) / MIB);
    }
    ours.disable();
    const told = [
      `${this.#connections} connections`,
      `memory ${sizes.map(Math.round).join(', ')} MiB`,
      `longest stalls ${lags.map(({ gateway }) => Math.round(gateway)).join(', ')} ms`,
    ].join('; ');
    console.log(`      ${told}`);
    const faults = this.#server.log.filter(({ level }) => level === 'error' || level === 50);
    assert.deepEqual(faults, [], told);
    assert.equal(valueOf(await this.#metrics(), 'live_gateway_refused_total{reason="INTERNAL_ERROR"}'), 0);
    // A busy machine stalls everybody: this process, which does less, too.
    for (const { gateway, here } of lags) assert.ok(gateway < 1_000 + 4 * here, told);
    const settled = Math.max(...sizes.slice(0, ROUNDS / 3));
    assert.ok((sizes.at(-1) as number) < 1.3 * settled + 20, told);
  }

  /** Resolves when nothing is left of those who have attacked. */
  async until(before: Counts): Promise<void> {
    // A connection that HTTP/2 has broken with is not read any more, and ends by its keepalive.
    await until('nothing is left of the attackers', async () => {
      const now = await this.counts();
      return COUNTS.every((name) => now[name] <= before[name]);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await this.#nats.stop();
    await this.#directory[Symbol.asyncDispose]();
  }

  /** @throws when the gateway has ended, with what was sent last */
  async #round(target: Address, make: () => Input): Promise<void> {
    const endMs = performance.now() + (SECONDS * 1_000) / ROUNDS;
    const attack = async (attacker: number): Promise<void> => {
      while (performance.now() < endMs) {
        const input = make();
        this.#sent.push(`${++this.#connections} ${input.kind}`);
        if (this.#sent.length > 4 * ATTACKERS) this.#sent.shift();
        await send(target, `127.0.0.${2 + attacker}`, input);
      }
    };
    await Promise.all(Array.from({ length: ATTACKERS }, (_, attacker) => attack(attacker)));
    if (this.#server.exited)
      throw new Error(`the gateway has ended after ${this.#sent.join('; ')}: ${this.#server.stderr}`);
  }

  /** Since it was last asked for. */
  async #longestStallMs(): Promise<number> {
    return 1_000 * valueOf(await this.#metrics(), 'nodejs_eventloop_lag_max_seconds');
  }

  get #ready(): { readonly metrics: string; readonly http: string } {
    return this.#server.log.find(({ msg }) => msg === 'ready') as { metrics: string; http: string };
  }

  async #metrics(): Promise<string> {
    return (await fetch(`http://${this.#ready.metrics}/metrics`)).text();
  }
}

async function send(
  target: Address,
  localAddress: string,
  { pieces, pauseMs, deaf = false }: Input,
): Promise<void> {
  const socket = connect({ ...target, localAddress });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined).on('end', () => socket.destroy());
  if (!deaf) socket.resume();
  for (const piece of pieces) {
    if (socket.destroyed) break;
    socket.write(piece);
    if (pauseMs !== undefined) await Promise.race([closed, delay(pauseMs)]);
  }
  await Promise.race([closed, delay(deaf ? DEAF_MS : LISTEN_MS)]);
  socket.resetAndDestroy();
  await closed;
}

function valueOf(page: string, name: string): number {
  const line = page.split('\n').find((text) => text.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}
