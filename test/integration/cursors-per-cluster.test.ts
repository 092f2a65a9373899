import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { connect } from 'nats';
import { parseAddress } from '../../common/units.ts';
import { defaultConfig } from '../../server/config/config.ts';
import { RunningCli } from '../helpers/cli.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const ROOM = 'tea';

/** One gateway in front of one NATS of its own. */
class Cluster {
  readonly name: string;
  readonly nats: TestNats;
  #gateway: TestGateway;
  #published = 0;

  private constructor(name: string, nats: TestNats, gateway: TestGateway) {
    this.name = name;
    this.nats = nats;
    this.#gateway = gateway;
  }

  static async start(name: string): Promise<Cluster> {
    const nats = await startNats();
    return new Cluster(name, nats, await startTestGateway(nats.url));
  }

  get address(): string {
    return this.#gateway.address;
  }

  get gateway(): TestGateway {
    return this.#gateway;
  }

  /** Publishes so many messages, numbered on. @returns their payloads */
  async publish(count: number): Promise<string[]> {
    const payloads: string[] = [];
    for (let left = count; left > 0; left -= 1) {
      this.#published += 1;
      const payload = `${this.name} ${this.#published}`;
      await this.#gateway.client().publish(ROOM, { type: 'gift', payload });
      payloads.push(payload);
    }
    return payloads;
  }

  /** Creates the stream anew, behind a gateway that is reached as the one before. */
  async recreate(): Promise<void> {
    const listen = parseAddress(this.address) as { host: string; port: number };
    await this.#gateway.close();
    const nc = await connect({ servers: this.nats.url });
    await (await nc.jetstreamManager()).streams.delete(defaultConfig().stream);
    await nc.close();
    this.#gateway = await startTestGateway(this.nats.url, { listen });
  }

  async stop(): Promise<void> {
    await this.#gateway.close();
    await this.nats.stop();
  }
}

describe('Resumable: cursors of several clusters', () => {
  let a: Cluster;
  let b: Cluster;
  let state: TempDir;
  let running: RunningCli[];

  beforeEach(async () => {
    running = [];
    state = await tempDir();
    [a, b] = await Promise.all([Cluster.start('a'), Cluster.start('b')]);
  });

  afterEach(async () => {
    for (const cli of running) cli.signal('SIGKILL');
    await Promise.all(running.map((cli) => cli.exit()));
    await Promise.all([a.stop(), b.stop()]);
    await state[Symbol.asyncDispose]();
  });

  function watch(server: string, ...args: string[]): RunningCli {
    const cli = new RunningCli(['watch', ROOM, '--json', '--server', server, ...args], state.path);
    running.push(cli);
    return cli;
  }

  /** Watches until all that there is has been printed. @returns what was told, in short */
  async function look(server: string, ...args: string[]): Promise<string[]> {
    const cli = watch(server, ...args);
    await cli.object('caught-up');
    cli.signal('SIGINT');
    assert.equal(await cli.exit(), 0, cli.stderr);
    return told(cli);
  }

  const told = (cli: RunningCli): string[] =>
    cli.objects.flatMap(({ kind, outcome, cause, payload }) => {
      if (kind === 'joined') return [String(outcome)];
      if (kind === 'reset') return [`reset: ${String(cause)}`];
      return kind === 'message' ? [String(payload)] : [];
    });

  it('are kept apart: whoever returns to one goes on where he was there', async () => {
    assert.deepEqual(await look(a.address), ['STARTED']);
    const first = await a.publish(3);
    assert.deepEqual(await look(a.address), ['RESUMED', ...first]);
    await b.publish(5);
    assert.deepEqual(await look(b.address), ['STARTED'], 'it is new: no reset, and live');
    const others = [await b.publish(2), await a.publish(2)];
    assert.deepEqual(await look(a.address), ['RESUMED', ...others[1]!]);
    assert.deepEqual(await look(b.address), ['RESUMED', ...others[0]!]);
    assert.deepEqual(await look(a.address), ['RESUMED']);
  });

  it('are those of a cluster by whatever name it is reached', async () => {
    await look(a.address);
    const { port } = parseAddress(a.address)!;
    const payloads = await a.publish(2);
    assert.deepEqual(await look(`localhost:${port}`), ['RESUMED', ...payloads]);
  });

  it('are reset where the stream behind the same servers was created anew, once', async () => {
    await look(b.address);
    await a.publish(2);
    assert.equal((await look(a.address, '--from', 'earliest')).length, 3);
    await a.recreate();
    const anew = await a.publish(2);
    const stopping = watch(a.address, '--on-gap', 'stop');
    assert.equal(await stopping.exit(), 0, stopping.stderr);
    assert.deepEqual(told(stopping), ['RESET', 'reset: RECREATED'], 'and does not take note of it');
    assert.deepEqual(await look(a.address), ['RESET', 'reset: RECREATED', ...anew]);
    assert.deepEqual(await look(a.address), ['RESUMED']);
    assert.deepEqual(await look(b.address), ['RESUMED']);
  });

  it('are in use in each cluster by one watch at most', async () => {
    const [onA, onB] = [watch(a.address), watch(b.address, '--cursor', 'default')];
    await Promise.all([onA.object('caught-up'), onB.object('caught-up')]);
    assert.deepEqual([onA.stderr, onB.stderr], ['', '']);
    const { port } = parseAddress(a.address)!;
    const second = watch(`localhost:${port}`);
    await second.object('caught-up');
    assert.match(second.stderr, /another watch uses the cursor "default" of tea: this one keeps none/);
    const named = watch(b.address, '--cursor', 'default');
    assert.equal(await named.exit(), 1);
    assert.match(JSON.stringify(await named.object('error')), /another watch uses the cursor/);
    const [payloadsA, payloadsB] = [await a.publish(1), await b.publish(1)];
    await until('both have it', () => onA.payloads.length + onB.payloads.length === 2);
    assert.deepEqual([onA.payloads, onB.payloads], [payloadsA, payloadsB]);
  });

  it('are those that an earlier version kept, wherever they are from', async () => {
    await a.publish(3);
    const { epoch } = await a.gateway.client().room(ROOM);
    const directory = join(state.path, 'live-gateway');
    await mkdir(directory);
    const earlier = new Database(join(directory, 'cursors.db'));
    earlier.exec(`
      CREATE TABLE cursors (
        name TEXT NOT NULL, room TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, fingerprint INTEGER NOT NULL,
        PRIMARY KEY (name, room)
      ) WITHOUT ROWID
    `);
    earlier.prepare('INSERT INTO cursors VALUES (?, ?, ?, ?, ?)').run('default', ROOM, epoch, 0, 0);
    earlier.close();
    // Nobody knows where it was seen: it could be a former history of this cluster.
    assert.deepEqual((await look(b.address)).slice(0, 2), ['RESET', 'reset: RECREATED']);
    assert.deepEqual(await look(b.address), ['RESUMED']);
    assert.deepEqual(await look(a.address), ['RESUMED', 'a 1', 'a 2', 'a 3']);
  });
});
