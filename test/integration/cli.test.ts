import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { connect } from 'nats';
import { RunningCli } from '../helpers/cli.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const NOBODY = '127.0.0.1:1';

describe('live-cli', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let state: TempDir;
  let running: RunningCli[] = [];
  let rooms = 0;
  let room = '';

  before(async () => {
    nats = await startNats();
    gateway = await startTestGateway(nats.url);
  });

  after(async () => {
    await gateway.close();
    await nats.stop();
  });

  beforeEach(async () => {
    state = await tempDir();
    room = `room-${++rooms}`;
  });

  afterEach(async () => {
    for (const cli of running) cli.signal('SIGKILL');
    await Promise.all(running.map((cli) => cli.exit()));
    running = [];
    await state[Symbol.asyncDispose]();
  });

  /** Runs the command against the gateway, unless the arguments name another server. */
  function cli(...args: string[]): RunningCli {
    const server = args.includes('--server') ? [] : ['--server', gateway.address];
    const started = new RunningCli([...args, ...server], state.path);
    running.push(started);
    return started;
  }

  /** Publishes gifts 1 to `count` and returns the sequences. */
  async function gifts(count: number, first = 1): Promise<bigint[]> {
    const client = gateway.client();
    const seqs: bigint[] = [];
    for (let n = first; n < first + count; n += 1) {
      seqs.push((await client.publish(room, { type: 'gift', payload: `gift ${n}` })).seq);
    }
    await client.close();
    return seqs;
  }

  describe('send', () => {
    it('sends the payload as it is, and recognises it by its key', async () => {
      const first = cli(
        'send',
        room,
        'gift',
        '{"n": 1}',
        '--sender',
        'ann',
        '--key',
        'k1',
        '--header',
        'a=b',
        '--json',
      );
      assert.equal(await first.exit(), 0, first.stderr);
      const again = cli('send', room, 'gift', '{"n": 1}', '--sender', 'ann', '--key', 'k1', '--json');
      assert.equal(await again.exit(), 0, again.stderr);
      const stored = first.objects[0]!;
      assert.equal(stored['duplicate'], false);
      assert.deepEqual(again.objects, [{ ...stored, duplicate: true }]);
      const pulled = cli('pull', room, '--json');
      assert.equal(await pulled.exit(), 0, pulled.stderr);
      const message = pulled.objects[0]!;
      assert.equal(message['payload'], '{"n": 1}');
      assert.equal(message['sender'], 'ann');
      assert.deepEqual(message['headers'], { a: 'b' });
      assert.equal(pulled.objects[1]!['kind'], 'end');
    });

    it('takes an empty key for none, as from a variable that is not set', async () => {
      const sent = ['1', '2'].map(() => cli('send', room, 'gift', 'x', '--key', '', '--json'));
      for (const sender of sent) {
        assert.equal(await sender.exit(), 0, sender.stderr);
        assert.match(String(sender.objects[0]!['key']), /^[0-9a-f-]{36}$/);
        assert.equal(sender.objects[0]!['duplicate'], false);
      }
    });

    it('sends lines in order, reports bad ones by number, and loses none of the others', async () => {
      const sender = cli('send', room, '--stdin');
      const good = Array.from({ length: 600 }, (_, n) => `{"type":"gift","payload":{"n": ${n}}}\n`);
      sender.endInput(
        ['no json\n', ...good.slice(0, 300), '\n', '{"type":"wave"}\n', ...good.slice(300)].join(''),
      );
      assert.equal(await sender.exit(), 1);
      assert.match(sender.stderr, /^line 1: not JSON$/m);
      assert.match(sender.stderr, /^line 303: type "wave" is not known by name.*TYPE_UNKNOWN/m);
      assert.match(sender.stderr, /^sent 600, failed 2$/m);
      const pulled = cli('pull', room, '--json');
      await pulled.exit();
      assert.deepEqual(
        pulled.payloads,
        good.map((_, n) => `{"n":${n}}`),
      );
    });

    it('sends what is written, and refuses what it could not', async () => {
      const sender = cli('send', room, '--stdin', '--json');
      sender.write('\ufeff{"type":"gift","payload":{"id":12345678901234567890}}\n');
      sender.write('{"type":"gift","paylod":1}\n');
      sender.endInput(
        Buffer.concat([Buffer.from('{"type":"gift","payload":"'), Buffer.from([0xe9]), Buffer.from('"}')]),
      );
      assert.equal(await sender.exit(), 1);
      const failures = sender.objects.filter(({ error }) => error !== undefined);
      assert.deepEqual(failures, [
        { line: 2, room, error: '"paylod" is none of type, payload, sender, key, at_ms' },
        { line: 3, room, error: 'not UTF-8' },
      ]);
      const pulled = cli('pull', room, '--json');
      await pulled.exit();
      assert.deepEqual(pulled.payloads, ['{"id":12345678901234567890}']);
    });

    it('tells failures as JSON where that is asked for', async () => {
      const refused = cli('send', room, 'like', '--class', 'reliable', '--key', 'k', '--json');
      const unknown = cli('pull', 'never-heard-of', '--json');
      for (const [command, reason] of [
        [refused, 'CLASS_CONFLICT'],
        [unknown, 'ROOM_UNKNOWN'],
      ] as const) {
        assert.equal(await command.exit(), 1);
        assert.equal((await command.object('error'))['reason'], reason);
        assert.equal(command.stderr, '');
      }
    });

    it('keeps the rate, or the pace of the lines', async () => {
      const lines =
        '{"type":"gift","at_ms":100}\n{"type":"gift","at_ms":150}\n{"type":"gift","at_ms":2100}\n';
      // Two seconds from the first to the third; on a busy machine the first may be stored late.
      const leastMs = 1_000;
      for (const arguments_ of [['--pace'], ['--rate', '1']]) {
        const sender = cli('send', room, '--stdin', ...arguments_);
        sender.endInput(lines);
        assert.equal(await sender.exit(), 0, sender.stderr);
        const pulled = cli('pull', room, '--from', 'last:3', '--json');
        await pulled.exit();
        const times = pulled.objects
          .filter(({ kind }) => kind === 'message')
          .map(({ timeMs }) => Number(timeMs));
        assert.ok(times[2]! - times[0]! >= leastMs, `${arguments_.join(' ')}: ${times.join(', ')}`);
      }
    });

    it('answers as the lines come, not when the input ends', async () => {
      const sender = cli('send', room, '--stdin', '--json');
      sender.write('{"type":"gift"}\n');
      await until('the first line is answered', () => sender.lines.length === 1);
      sender.endInput();
      assert.equal(await sender.exit(), 0);
    });

    it('fails in the time that it was given when there is no gateway, and says so', async () => {
      const sender = cli('send', room, 'gift', '--timeout', '3s', '--server', NOBODY);
      assert.equal(await sender.exit(), 1);
      assert.match(sender.stderr, /not sent: no gateway within 3000 ms: .*ECONNREFUSED/);
    });

    it('says what is known of the message when it is interrupted', async () => {
      const silent = createServer().listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const server = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
      silent.on('connection', (socket: Socket) => socket.on('error', () => undefined));
      const connected = once(silent, 'connection');
      const sender = cli('send', room, 'gift', '--server', server);
      await connected;
      sender.signal('SIGINT');
      assert.equal(await sender.exit(), 130);
      assert.match(sender.stderr, /given up before it was sent/);
      silent.close();
    });

    it('refuses arguments that make no sense, and sends nothing', async () => {
      const wrong = [
        ['send', room],
        ['send', room, 'gift', '--stdin'],
        ['send', room, 'gift', '--rate', '5'],
        ['send', room, 'gift', '--ordered'],
        ['send', 'not a room', 'gift'],
        ['send', room, 'gift', 'a', 'b'],
      ];
      const senders = wrong.map((arguments_) => cli(...arguments_));
      for (const sender of senders) {
        assert.equal(await sender.exit(), 2, sender.stderr);
        assert.notEqual(sender.stderr, '');
      }
      const described = cli('room', room);
      assert.equal(await described.exit(), 1);
    });

    it('tells the reason when it is refused', async () => {
      const sender = cli('send', room, 'like', '--class', 'reliable');
      assert.equal(await sender.exit(), 1);
      assert.match(sender.stderr, /INVALID_ARGUMENT, CLASS_CONFLICT/);
    });
  });

  describe('room and pull', () => {
    it('describe a room', async () => {
      const seqs = await gifts(3);
      const described = cli('room', room, '--json');
      assert.equal(await described.exit(), 0, described.stderr);
      const { epoch, ...numbers } = described.objects[0]!;
      assert.equal(typeof epoch, 'string');
      assert.deepEqual(numbers, {
        room,
        head: String(seqs[2]),
        first: String(seqs[0]),
        count: '3',
        audience: 0,
      });
    });

    it('print a range', async () => {
      const seqs = await gifts(5);
      const pulled = cli('pull', room, '--after', String(seqs[1]), '--limit', '2', '--json');
      assert.equal(await pulled.exit(), 0, pulled.stderr);
      assert.deepEqual(pulled.payloads, ['gift 3', 'gift 4']);
    });

    it('say that a room is unknown, and that there is no gateway', async () => {
      const unknown = cli('pull', 'never-heard-of');
      assert.equal(await unknown.exit(), 1);
      assert.match(unknown.stderr, /ROOM_UNKNOWN/);
      const unreachable = ['pull', 'room'].map((command) => cli(command, room, '--server', NOBODY));
      for (const command of unreachable) {
        assert.equal(await command.exit(), 1);
        assert.match(command.stderr, /ECONNREFUSED/);
      }
    });

    it('try the next gateway when one is away', async () => {
      await gifts(1);
      const pulled = cli('pull', room, '--json', '--server', `${NOBODY},${gateway.address}`);
      assert.equal(await pulled.exit(), 0, pulled.stderr);
      assert.deepEqual(pulled.payloads, ['gift 1']);
    });
  });

  describe('watch', () => {
    it('prints what comes, live, and what a stock NATS client puts into the stream', async () => {
      const watcher = cli('watch', room, '--json', '--count', '2');
      await watcher.object('caught-up');
      const sender = cli('send', room, 'gift', 'from the cli');
      await sender.exit();
      const nc = await connect({ servers: nats.url });
      await nc.jetstream().publish(`live.room.${room}`, 'from elsewhere');
      await nc.close();
      assert.equal(await watcher.exit(), 0, watcher.stderr);
      assert.deepEqual(watcher.payloads, ['from the cli', 'from elsewhere']);
    });

    it('goes on where it stopped, message for message', async () => {
      await gifts(10);
      const first = cli('watch', room, '--json', '--from', 'earliest', '--cursor', 'mine', '--count', '4');
      assert.equal(await first.exit(), 0, first.stderr);
      const second = cli('watch', room, '--json', '--from', 'earliest', '--cursor', 'mine', '--count', '6');
      assert.equal(await second.exit(), 0, second.stderr);
      assert.deepEqual(
        [...first.payloads, ...second.payloads],
        Array.from({ length: 10 }, (_, n) => `gift ${n + 1}`),
      );
      assert.equal(second.objects.find(({ kind }) => kind === 'joined')?.['outcome'], 'RESUMED');
    });

    it('keeps the place of exactly what was printed when it is interrupted', async () => {
      await gifts(5);
      const first = cli('watch', room, '--json', '--from', 'earliest');
      await until('all are printed', () => first.payloads.length === 5);
      first.signal('SIGINT');
      assert.equal(await first.exit(), 0, first.stderr);
      await gifts(2, 6);
      const second = cli('watch', room, '--json', '--count', '2');
      assert.equal(await second.exit(), 0, second.stderr);
      assert.deepEqual(second.payloads, ['gift 6', 'gift 7']);
    });

    it('shares no cursor: a second one does without, or is refused, and a killed one holds none', async () => {
      await gifts(3);
      const first = cli('watch', room, '--json', '--from', 'earliest');
      await until('all are printed', () => first.payloads.length === 3);
      const second = cli('watch', room, '--json', '--from', 'last:1', '--count', '1');
      assert.equal(await second.exit(), 0, second.stderr);
      assert.match(second.stderr, /another watch uses the cursor "default" of .*: this one keeps none/);
      const named = cli('watch', room, '--cursor', 'default');
      assert.equal(await named.exit(), 1);
      assert.match(named.stderr, /another watch uses the cursor "default"/);
      // The last one printed may not have been handled; what came before has been.
      await gifts(2, 4);
      await until('all are printed', () => first.payloads.length === 5);
      first.signal('SIGKILL');
      await first.exit();
      await gifts(1, 6);
      const again = cli('watch', room, '--json');
      await until('it has caught up', () => again.payloads.at(-1) === 'gift 6');
      assert.equal(again.stderr, '');
      assert.ok(again.payloads.length <= 2, again.payloads.join());
    });

    it('begins anew when told where to, and keeps nothing when told not to', async () => {
      await gifts(3);
      for (const flags of [[], [], ['--no-cursor'], ['--no-cursor']]) {
        const watcher = cli('watch', room, '--json', '--from', 'earliest', '--count', '3', ...flags);
        assert.equal(await watcher.exit(), 0, watcher.stderr);
        assert.deepEqual(watcher.payloads, ['gift 1', 'gift 2', 'gift 3']);
      }
    });

    it('ends quietly when the reader of its output has gone', async () => {
      await gifts(1);
      const watcher = cli('watch', room, '--json', '--from', 'earliest');
      await until('something is printed', () => watcher.payloads.length === 1);
      watcher.stopReading();
      await gifts(2, 2);
      assert.equal(await watcher.exit(), 0);
      assert.equal(watcher.stderr, '');
    });

    it('follows several rooms and counts over all of them', async () => {
      const other = `${room}-other`;
      const watcher = cli('watch', room, other, '--json', '--count', '2');
      await until(
        'both are live',
        () => watcher.objects.filter(({ kind }) => kind === 'caught-up').length === 2,
      );
      const client = gateway.client();
      await client.publish(room, { type: 'gift', payload: 'one' });
      await client.publish(other, { type: 'gift', payload: 'two' });
      assert.equal(await watcher.exit(), 0, watcher.stderr);
      assert.deepEqual(watcher.payloads.toSorted(), ['one', 'two']);
      await client.close();
    });

    it('keeps trying while there is no gateway, says so, and comes to life with one', async () => {
      const gone = await startTestGateway(nats.url);
      const { address } = gone;
      await gone.close();
      const watcher = cli('watch', room, '--server', `${NOBODY},${address}`);
      await until('it says that there is none', () => /ECONNREFUSED.*tries/.test(watcher.stderr));
      const back = await startTestGateway(nats.url, {
        listen: { host: '127.0.0.1', port: Number(address.split(':')[1]) },
      });
      await until('it says that it is connected', () => watcher.stderr.includes(`connected to ${address}`));
      watcher.signal('SIGTERM');
      assert.equal(await watcher.exit(), 0);
      await back.close();
    });

    it('loses nothing when its gateway goes away under it', async () => {
      const short = await startTestGateway(nats.url);
      const watcher = cli('watch', room, '--json', '--server', `${short.address},${gateway.address}`);
      await watcher.object('caught-up');
      await gifts(20);
      await short.close();
      await gifts(20, 21);
      await until('all are printed', () => watcher.payloads.length >= 40);
      assert.deepEqual(
        watcher.payloads,
        Array.from({ length: 40 }, (_, n) => `gift ${n + 1}`),
      );
    });
  });
});
