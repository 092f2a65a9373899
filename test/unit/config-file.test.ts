import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, parseConfig } from '../../server/config/config.ts';
import type { Invocation } from '../../server/config/config.ts';
import { parseConfigFile } from '../../server/config/file.ts';
import { NO_POLICY } from '../../server/policy/namespace.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

describe('the configuration file', () => {
  let directory: TempDir;
  let file: string;

  before(async () => {
    directory = await tempDir();
    file = join(directory.path, 'live.yaml');
  });

  after(() => directory[Symbol.asyncDispose]());

  async function serve(text: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
    await writeFile(file, text);
    const invocation: Invocation = parseConfig(['--config', file, ...args], env);
    assert.equal(invocation.kind, 'serve');
    return invocation;
  }

  it('gives settings under the names of their flags, as texts, numbers, truth values and lists', async () => {
    const { config } = await serve(`# of ours
listen: 127.0.0.1:6000
insecure: true
workers: 2
publish-rate: unlimited
join-rate: 7
max-bytes: 2GiB
log-bytes: 134217728
nats: [nats://a:1, b:2]
http-origins:
  - https://a.example
  - http://b:3000
trusted-proxies: 10.0.0.1,10.0.0.2
`);
    assert.deepEqual(config.listen, { host: '127.0.0.1', port: 6_000 });
    assert.deepEqual([config.insecure, config.workers], [true, 2]);
    assert.deepEqual([config.publishRate, config.joinRate], [Infinity, 7]);
    assert.deepEqual([config.maxBytes, config.logBytes], [2 * 2 ** 30, 2 ** 27]);
    assert.deepEqual(config.nats, ['nats://a:1', 'b:2']);
    assert.deepEqual(config.httpOrigins, ['https://a.example', 'http://b:3000']);
    assert.equal(config.trustedProxies?.length, 2);
    assert.equal(config.heartbeatMs, 5_000);
  });

  it('comes behind flags and variables, and before defaults', async () => {
    const text = 'heartbeat: 1s\ndrain: 1s\nstream: FILE\n';
    const { config, reading } = await serve(text, ['--heartbeat', '3s'], {
      LIVE_HEARTBEAT: '2s',
      LIVE_DRAIN: '2s',
    });
    assert.deepEqual([config.heartbeatMs, config.drainMs, config.stream], [3_000, 2_000, 'FILE']);
    assert.deepEqual(
      (['heartbeatMs', 'drainMs', 'stream', 'workers'] as const).map((name) => reading.given[name]?.source),
      [
        { kind: 'flag' },
        { kind: 'environment', variable: 'LIVE_DRAIN' },
        { kind: 'file', place: `${file}:3:9` },
        { kind: 'default' },
      ],
    );
  });

  it('is named by a variable, too; a flag goes before it', async () => {
    await writeFile(file, 'stream: FILE\n');
    const named = parseConfig([], { LIVE_CONFIG: file });
    assert.equal(named.kind === 'serve' && named.config.stream, 'FILE');
    assert.equal((await serve('stream: FLAG\n', [], { LIVE_CONFIG: '/nowhere' })).config.stream, 'FLAG');
  });

  it('may be empty, and may be JSON', async () => {
    assert.equal((await serve('')).config.stream, 'LIVE');
    assert.equal((await serve('# nothing\n')).config.stream, 'LIVE');
    assert.equal((await serve('{"stream": "JSON", "workers": 3}')).config.workers, 3);
  });

  it('may name a value once and use it again', () => {
    const { settings } = parseConfigFile('f', 'drain: &time 5s\nheartbeat: *time\n');
    assert.equal(settings.heartbeatMs?.value, '5s');
  });

  const wrong: Readonly<Record<string, readonly [text: string, ...problems: string[]]>> = {
    'a key that is no setting': [
      '\nhartbeat: 5s',
      'f:2:1: hartbeat: is not a setting: did you mean heartbeat?',
    ],
    'another way to write one': ['maxAge: 5s', 'f:1:1: maxAge: is not a setting: did you mean max-age?'],
    'a key that is like none': ['colour: red', 'f:1:1: colour: is not a setting'],
    'a wrong value': [
      'heartbeat: 5y',
      'f:1:12: heartbeat: "5y" is not accepted; it takes a duration from 100ms',
    ],
    'a number that is none of them': [
      'replicas: 2',
      'f:1:11: replicas: the number 2 is not accepted; it takes 1, 3 or 5',
    ],
    'a fraction': [
      'workers: 1.5',
      'f:1:10: workers: the number 1.5 is not accepted; it takes a whole number',
    ],
    'a text in place of a number': [
      'workers: "2"',
      'f:1:10: workers: "2" is not accepted; it takes a whole number from 1 to 64: leave the quotes away',
    ],
    'a number in place of a text': [
      'stream: 2024',
      'f:1:9: stream: the number 2024 is not accepted',
      'put it in quotes',
    ],
    'a truth value of YAML 1.1': ['demo: yes', 'f:1:7: demo: "yes" is not accepted; it takes true or false'],
    'a list in place of a text': [
      'stream: [A]',
      'f:1:9: stream: is a list that is not accepted; it takes 1 to 64 letters',
    ],
    'a map in place of a text': ['stream: {a: 1}', 'f:1:9: stream: is a map; it takes 1 to 64 letters'],
    'a key without a value': [
      'jwt-secret-file:',
      'f:1:1',
      'jwt-secret-file: has no value; it takes the path of a file',
    ],
    'a key that is given twice': ['drain: 1s\ndrain: 2s', 'f:2:1: drain: is given twice'],
    'no YAML': ['nats: [a:1', 'f:1:', 'is not YAML'],
    'no map': [
      '- listen',
      'f:1:1: the file: is a list that is not accepted; it takes settings and their values',
    ],
    'a list that is in itself': ['nats: &list [*list]', 'f:1:13: nats: is a list that is not accepted'],
    'everything at once': [
      'workers: 0\nlog-level: loud',
      'f:1:10: workers',
      'f:2:12: log-level',
      'it takes debug, info',
    ],
  };
  for (const [what, [text, ...parts]] of Object.entries(wrong))
    it(`is refused with ${what}`, () => {
      const told = parseConfigFile('f', text).problems.join('\n');
      for (const part of parts) assert.ok(told.includes(part), `${told} lacks ${part}`);
    });

  it('is refused as a whole even where a flag goes before what is wrong', async () => {
    await assert.rejects(serve('heartbeat: soon', ['--heartbeat', '1s']), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, /:1:12: heartbeat: "soon" is not accepted/);
      return true;
    });
  });

  it('is refused where settings do not go together, at the place of the one to be changed', async () => {
    await assert.rejects(
      serve('stream: A\nreplicas: 3'),
      /live\.yaml:2:11: replicas: "3" needs a NATS cluster/,
    );
  });

  it('is refused when it cannot be read', () => {
    assert.throws(
      () => parseConfig(['--config', '/nowhere.yaml'], {}),
      /\/nowhere\.yaml: cannot be read: ENOENT/,
    );
  });
});

describe('namespaces in the configuration file', () => {
  const read = (text: string) => parseConfigFile('f', `namespaces:\n${text}`);

  it('say which types there are, who may publish them, and how much', () => {
    const { namespaces, problems } = read(`
  - rooms: quiz-*
    types:
      gift: reliable
      answer: ephemeral
      verdict: {class: reliable, moderators-only: true}
    room-ephemeral-rate: 500
    user-publish-rate: 2
    max-payload: 4KiB
    history-messages: 100
    history-age: 10m
    state: on
    presence: off
  - rooms: "*"
    user-publish-rate: unlimited
`);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      namespaces.map(({ namespace }) => namespace),
      [
        {
          rooms: 'quiz-*',
          types: {
            gift: { deliveryClass: 'RELIABLE', moderatorsOnly: false },
            answer: { deliveryClass: 'EPHEMERAL', moderatorsOnly: false },
            verdict: { deliveryClass: 'RELIABLE', moderatorsOnly: true },
          },
          roomEphemeralRate: 500,
          userPublishRate: 2,
          maxPayload: 4_096,
          historyMessages: 100,
          historyAgeMs: 600_000,
          state: true,
          presence: false,
        },
        { ...NO_POLICY, rooms: '*', userPublishRate: Infinity },
      ],
    );
  });

  const wrong: Readonly<Record<string, readonly [text: string, problem: string]>> = {
    'no list': ['  rooms: a', 'f:2:3: namespaces: is a map; it takes a list of namespaces'],
    'one that is no map': ['  - quiz', 'f:2:5: namespaces: "quiz" is not accepted; it takes namespaces'],
    'one without rooms': ['  - state: on', 'f:2:5: namespaces: a namespace needs rooms'],
    'a pattern with two stars': [
      '  - rooms: "*-*"',
      'f:2:12: rooms: "*-*" is not accepted; it takes a room name',
    ],
    'a key that is none': [
      '  - rooms: a\n    maxpayload: 1B',
      'f:3:5: maxpayload: is not a key of a namespace: did you mean max-payload?',
    ],
    'another class than a type has': [
      '  - rooms: a\n    types: {like: reliable}',
      'f:3:13: like: is always ephemeral',
    ],
    'a class that is none': [
      '  - rooms: a\n    types: {x: stored}',
      'f:3:16: x: "stored" is not accepted; it takes reliable or ephemeral',
    ],
    'a type without a class': [
      '  - rooms: a\n    types: {x: {moderators-only: true}}',
      'f:3:13: x: needs its class',
    ],
    'types in a list': [
      '  - rooms: a\n    types: [x]',
      'f:3:12: types: is a list that is not accepted; it takes a map',
    ],
    'a name that no type has': [
      '  - rooms: a\n    types: {"a b": reliable}',
      'f:3:13: a b: a type is 1 to 64 of',
    ],
    'one that never counts': [
      '  - rooms: a*\n  - rooms: a-*',
      'f:3:5: a-*: never counts: a* (f:2:5) comes first',
    ],
  };
  for (const [what, [text, problem]] of Object.entries(wrong))
    it(`are refused with ${what}`, () => {
      const told = read(text).problems.join('\n');
      assert.ok(told.includes(problem), told);
    });

  it('may overlap, where each has rooms of its own', () => {
    assert.deepEqual(read('  - rooms: a-1\n  - rooms: a-*\n  - rooms: "*-1"\n  - rooms: "*"').problems, []);
  });
});
