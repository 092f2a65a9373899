import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { postJson } from '../helpers/post-json.ts';
import { descendantsOf } from '../helpers/processes.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

/** What rooms take that are about gifts only. */
const GIFTS_ONLY = 'namespaces:\n  - rooms: "*"\n    types: {gift: reliable}\n';

describe('live-server that is asked to read its settings again', () => {
  let nats: TestNats;
  let directory: TempDir;
  let file: string;
  let server: ServerProcess;

  before(async () => {
    nats = await startNats();
    directory = await tempDir();
    file = join(directory.path, 'live.yaml');
  });

  after(async () => {
    await nats.stop();
    await directory[Symbol.asyncDispose]();
  });

  afterEach(() => server[Symbol.asyncDispose]());

  async function start(text: string, ...args: string[]): Promise<void> {
    await writeFile(file, text);
    server = await ServerProcess.start(nats.url, '--http', '127.0.0.1:0', '--config', file, ...args);
  }

  async function reload(text: string): Promise<void> {
    await writeFile(file, text);
    server.signal('SIGHUP');
  }

  /** Lines of the log, once there are so many: what they tell of may be seen before they are. */
  async function lines(message: string, count: number): Promise<Record<string, unknown>[]> {
    await until(`${count} lines say: ${message}`, () => logged(message).length >= count);
    return logged(message);
  }

  const logged = (message: string): Record<string, unknown>[] =>
    server.log.filter(({ msg }) => msg === message).map(({ time: _time, msg: _msg, ...facts }) => facts);

  /** What processes make of a like, each on a connection of its own: connections are dealt to them in turn. */
  async function answers(count: number): Promise<string[]> {
    const { http } = server.log.find(({ msg }) => msg === 'ready') as { http: string };
    const told = new Set<string>();
    for (let n = 0; n < count; n++) {
      const { status, body } = await postJson(`http://${http}/v1/rooms/r/messages`, {
        type: 'like',
        payload: '',
      });
      told.add(`${status} ${(body as { reason?: string }).reason ?? ''}`.trim());
    }
    return [...told];
  }

  const all = async (workers: number, answer: string): Promise<boolean> => {
    const told = await answers(2 * workers);
    return told.length === 1 && told[0] === answer;
  };

  for (const workers of [1, 2]) {
    it(`${workers} processes: takes what may change, in each of them, and names it`, async () => {
      await start('join-rate: 5\n', '--workers', `${workers}`);
      assert.ok(await all(workers, '200'));
      await reload(`join-rate: 6\n${GIFTS_ONLY}`);
      await until('all take gifts only', () => all(workers, '400 TYPE_UNKNOWN'));
      const level = 'info';
      assert.deepEqual(await lines('setting changed', 4), [
        { level, setting: 'join-rate', from: '5', to: '6', source: `${file}:1:12` },
        { level, setting: 'namespaces', to: '*', source: `${file}:3:5` },
        { level, setting: 'namespaces[*].rooms', to: '*', source: `${file}:3:12` },
        { level, setting: 'namespaces[*].types.gift', to: 'reliable', source: `${file}:4:19` },
      ]);
      await reload('');
      await until('all take what they took before', () => all(workers, '200'));
      const [change] = (await lines('setting changed', 5)).slice(4);
      assert.deepEqual(change, { level, setting: 'join-rate', from: '6', to: '20', source: 'default' });
    });

    it(`${workers} processes: keeps what was where the file is faulty, and says what is wrong`, async () => {
      await start(GIFTS_ONLY, '--workers', `${workers}`);
      await reload('join-rate: often\npublish-rat: 3\n');
      const { problems } = await until(
        'it is refused',
        () => logged('settings cannot be replaced: the former ones stay')[0],
      );
      assert.deepEqual(problems, [
        `${file}:2:1: publish-rat: is not a setting: did you mean publish-rate?`,
        `${file}:1:12: join-rate: "often" is not accepted; it takes a whole number from 1 to 1000000, or unlimited`,
      ]);
      assert.ok(await all(workers, '400 TYPE_UNKNOWN'));
      assert.deepEqual(logged('setting changed'), []);
    });
  }

  it('gives a worker that replaces a dead one what holds by then', async () => {
    await start('', '--workers', '2');
    await reload(GIFTS_ONLY);
    await until('all take gifts only', () => all(2, '400 TYPE_UNKNOWN'));
    const [victim] = descendantsOf(server.pid);
    process.kill(victim!, 'SIGKILL');
    await until('it is replaced, and serves', async () => {
      const now = descendantsOf(server.pid);
      return now.length === 2 && !now.includes(victim!) && (await all(2, '400 TYPE_UNKNOWN'));
    });
  });

  it('names what needs a restart, each time, and takes the rest', async () => {
    await start('heartbeat: 1s\nmax-streams: 50\nidle-timeout: 10s\n');
    const warned = (): Record<string, unknown>[] =>
      logged('setting changed, which takes effect with a restart only');
    const text = `max-streams: 60\nidle-timeout: 20s\nrefusal-rate: 7\n${GIFTS_ONLY}`;
    await reload(text);
    await until('gifts only', () => all(1, '400 TYPE_UNKNOWN'));
    const level = 'warn';
    const expected = [
      { level, setting: 'max-streams', from: '50', to: '60', source: `${file}:1:14` },
      { level, setting: 'idle-timeout', from: '10s', to: '20s', source: `${file}:2:15` },
    ];
    await until('both are named', () => warned().length >= 2);
    assert.deepEqual(warned(), expected);
    server.signal('SIGHUP');
    await until('they are named again', () => warned().length >= 4);
    assert.deepEqual(warned().slice(2), expected);
    assert.equal(logged('settings are as they were').length, 0);
  });

  it('refuses what does not go with what only a restart changes', async () => {
    await start('log-bytes: 1MiB\nroom-log-bytes: 64KiB\n', '--workers', '2');
    await reload('log-bytes: 100KiB\nroom-log-bytes: 64KiB\n');
    const problem = await until(
      'it is refused',
      () => logged('settings cannot be replaced: the former ones stay')[0],
    );
    assert.match(
      String((problem['problems'] as string[])[0]),
      /--workers .* leaves less than 64KiB of --log-bytes/,
    );
  });

  it('writes less of the log from then on, or more, and the change in any case', async () => {
    await start('');
    const changes = (): unknown[] => logged('setting changed').map(({ setting, to }) => [setting, to]);
    await reload(`log-level: error\n${GIFTS_ONLY}`);
    await until('it says less', () => all(1, '400 TYPE_UNKNOWN'));
    const before = (await lines('setting changed', 4)).length;
    assert.deepEqual(changes()[0], ['log-level', 'error']);
    await reload('log-level: error\n');
    await until('likes are taken', () => all(1, '200'));
    assert.equal(changes().length, before);
    await reload('log-level: debug\njoin-rate: 6\n');
    await until('it says more', () => changes().length === before + 2);
    assert.deepEqual(changes().slice(before), [
      ['join-rate', '6'],
      ['log-level', 'debug'],
    ]);
  });
});
