import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { readFile } from 'node:fs/promises';
import { LiveClient } from '../../client/index.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { sumOf } from '../helpers/metrics.ts';
import { isAlive } from '../helpers/processes.ts';
import { until } from '../helpers/poll.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { textOf } from '../helpers/text.ts';

const VIEWERS = 6;

/** One viewer of room `r`, and the reliable payloads that it has got. */
class Watcher {
  readonly client: LiveClient;
  readonly got: string[] = [];
  /** Breaks of the history that it was told of. */
  breaks = 0;
  joins = 0;

  constructor(address: string) {
    this.client = new LiveClient({ endpoints: [address] });
    void this.#watch();
  }

  async #watch(): Promise<void> {
    for await (const event of this.client.join('r')) {
      if (event.kind === 'joined') this.joins++;
      if (event.kind === 'message') this.got.push(textOf(event.message.payload));
      if (event.kind === 'gap' || event.kind === 'reset') this.breaks++;
    }
  }
}

describe('Resumable: live-server --workers', () => {
  let nats: TestNats;
  let server: ServerProcess;
  let watchers: Watcher[];

  before(async () => {
    nats = await startNats();
  });

  after(() => nats.stop());

  beforeEach(() => {
    watchers = [];
  });

  afterEach(async () => {
    await Promise.all(watchers.map(({ client }) => client.close()));
    await server[Symbol.asyncDispose]();
  });

  async function serve(...args: string[]): Promise<string> {
    server = await ServerProcess.start(nats.url, '--workers', '2', ...args);
    return server.address();
  }

  async function watch(address: string): Promise<void> {
    watchers = Array.from({ length: VIEWERS }, () => new Watcher(address));
    await until('all have joined', () => watchers.every(({ joins }) => joins === 1));
  }

  const allHave = (payloads: readonly string[]): Promise<unknown> =>
    until(`all have ${payloads.length} messages`, () =>
      watchers.every(({ got }) => got.length >= payloads.length),
    );

  it('viewers are dealt to the workers, one that dies is replaced, and nobody loses a message', async () => {
    const address = await serve('--metrics', '127.0.0.1:0');
    await using producer = await StockProducer.connect(nats.url);
    await watch(address);
    const sums = await scrape(server);
    assert.equal(sums('sessions'), VIEWERS, 'the metrics of the workers add up');
    assert.equal(sums('rooms'), 2, 'each worker has the room open');
    await until('the audience is that of all workers', async () => {
      const [first] = watchers as [Watcher];
      return (await first.client.room('r')).audience === VIEWERS;
    });

    const payloads = ['1', '2', '3'];
    await producer.burst('r', payloads);
    await allHave(payloads);
    const [victim] = await workersOf(server);
    process.kill(victim as number, 'SIGKILL');
    const missed = ['4', '5', '6'];
    await producer.burst('r', missed);
    await allHave([...payloads, ...missed]);
    for (const { got, breaks } of watchers) {
      assert.deepEqual(got, [...payloads, ...missed]);
      assert.equal(breaks, 0);
    }
    const stayed = watchers.filter(({ joins }) => joins === 1).length;
    assert.ok(stayed > 0, 'the viewers of the other worker have noticed nothing');
    assert.ok(stayed < VIEWERS, 'the viewers of the dead worker have joined again');
    await until('the dead worker is replaced', async () => {
      const pids = await workersOf(server);
      return pids.length === 2 && !pids.includes(victim as number);
    });
  });

  it('drains all workers at one signal', async () => {
    await watch(await serve('--drain', '300ms'));
    const pids = await workersOf(server);
    server.signal('SIGTERM');
    assert.equal(await server.exit(), 0);
    assert.deepEqual(pids.filter(isAlive), []);
    assert.equal(server.log.at(-1)?.['msg'], 'stopped');
  });

  it('ends at a signal that finds a worker not yet listening', async () => {
    await serve('--drain', '0s');
    const before = await workersOf(server);
    process.kill(before[0] as number, 'SIGKILL');
    await until('the dead worker is being replaced', async () =>
      (await workersOf(server)).some((pid) => !before.includes(pid)),
    );
    server.signal('SIGTERM');
    assert.equal(await server.exit(), 0);
    assert.equal(server.log.at(-1)?.['msg'], 'stopped');
  });

  it('leaves no worker behind when it is killed', async () => {
    await serve();
    const pids = await workersOf(server);
    assert.equal(pids.length, 2);
    server.signal('SIGKILL');
    await until('the workers have ended', () => !pids.some(isAlive));
  });

  it('says why it cannot start, as one process would: exit code 3', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    server = new ServerProcess(['--nats', nats.url, '--workers', '2', '--listen', address]);
    assert.equal(await server.exit(), 3);
    other.close();
    assert.match(server.stderr, new RegExp(`${address}.*in use.*--listen`));
  });
});

/** The processes that a server has started to serve viewers. */
async function workersOf({ pid }: ServerProcess): Promise<number[]> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean);
  const lines = await Promise.all(
    children.map(async (child) => ({
      child: Number(child),
      line: await readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => ''),
    })),
  );
  return lines.filter(({ line }) => /server\/main\.[jt]s/.test(line)).map(({ child }) => child);
}

/** Reads the metrics once; what comes back gives one of them, by its name. */
async function scrape({ log }: ServerProcess): Promise<(name: string) => number> {
  const address = log.find(({ msg }) => msg === 'ready')?.['metrics'] as string;
  const text = await (await fetch(`http://${address}/metrics`)).text();
  return (name) => sumOf(text, `live_gateway_${name}`);
}
