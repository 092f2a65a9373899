import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckReport } from '../../server/config/report.ts';
import { SETTINGS } from '../../server/config/settings.ts';
import { Authority } from '../helpers/certificates.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { SECRET } from '../helpers/tokens.ts';

interface Checked {
  readonly code: number;
  readonly stdout: string;
  /** Lines. */
  readonly stderr: readonly string[];
}

describe('live-server --check', () => {
  let directory: TempDir;
  let file: string;
  let files: { cert: string; key: string; secret: string };

  before(async () => {
    directory = await tempDir();
    file = join(directory.path, 'live.yaml');
    const at = (name: string): string => join(directory.path, name);
    files = { cert: at('tls.crt'), key: at('tls.key'), secret: at('secret') };
    const authority = await Authority.create(directory.path);
    const { cert, key } = await authority.issue();
    await writeFile(files.cert, cert);
    await writeFile(files.key, key);
    await writeFile(files.secret, SECRET);
  });

  after(() => directory[Symbol.asyncDispose]());

  async function check(
    text: string,
    args: readonly string[] = [],
    env: NodeJS.ProcessEnv = {},
  ): Promise<Checked> {
    await writeFile(file, text);
    await using server = new ServerProcess(['--config', file, '--check', ...args], env);
    const code = await server.exit();
    const { stdout, stderr } = server;
    return { code, stdout, stderr: stderr.split('\n').filter(Boolean) };
  }

  const rows = (text: string): Map<string, string[]> =>
    new Map(
      text
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/ {2,}/))
        .map(([setting = '', ...rest]) => [setting, rest.map((cell) => cell.trim())]),
    );

  it('prints every setting, its value and where it comes from, and no secret', async () => {
    const text = `nats: ["nats://gw:pa55word@n1:4222", "nats://gw:pa55word@n2:4222"]
jwt-secret-file: ${files.secret}
tls-cert: ${files.cert}
tls-key: ${files.key}
drain: 3s
namespaces:
  - rooms: quiz-*
    types: {poll: {class: reliable, moderators-only: true}}
`;
    const { code, stdout, stderr } = await check(text, ['--heartbeat', '1s'], { LIVE_STREAM: 'SHOWS' });
    assert.deepEqual(stderr, []);
    assert.equal(code, 0);
    const found = rows(stdout);
    for (const { flag } of Object.values(SETTINGS)) assert.ok(found.has(flag), flag);
    assert.deepEqual(found.get('heartbeat'), ['1s', 'flag']);
    assert.deepEqual(found.get('stream'), ['SHOWS', 'LIVE_STREAM']);
    assert.deepEqual(found.get('drain'), ['3s', `${file}:5:8`]);
    assert.deepEqual(found.get('workers'), ['1', 'default']);
    assert.deepEqual(found.get('jwks-url'), ['not set']);
    assert.deepEqual(found.get('nats'), ['nats://***@n1:4222,nats://***@n2:4222', `${file}:1:7`]);
    assert.deepEqual(found.get('namespaces[0].rooms'), ['quiz-*', `${file}:7:12`]);
    assert.deepEqual(found.get('namespaces[0].types.poll.moderators-only'), ['true', `${file}:8:54`]);
    assert.doesNotMatch(stdout, /pa55word/);
    assert.ok(!stdout.includes(SECRET));
  });

  it('tells all problems at once: of flags, variables, the file, and the files that they name', async () => {
    const text = `hartbeat: 5s
nats: ["nats://gw:pa55word@n1:42222222"]
tls-cert: ${files.cert}
tls-key: ${files.secret}
jwt-secret-file: /nowhere/secret
audit-log: /nowhere/audit.log
nats-creds: /nowhere/creds
`;
    const { code, stdout, stderr } = await check(text, ['--workers', '0'], { LIVE_DRAIN: 'soon' });
    assert.equal(code, 2);
    const told = stderr.join('\n');
    for (const part of [
      `${file}:1:1: hartbeat: is not a setting: did you mean heartbeat?`,
      `${file}:2:7: nats: is a list that is not accepted`,
      '--workers (LIVE_WORKERS): "0" is not accepted',
      '--drain (LIVE_DRAIN): "soon" is not accepted',
      `--tls-key ${files.secret}: has no private key in PEM`,
      '--jwt-secret-file: /nowhere/secret cannot be used',
      '--audit-log: /nowhere/audit.log cannot be written',
    ])
      assert.ok(told.includes(`live-server: ${part}`), `${told} lacks ${part}`);
    assert.doesNotMatch(told + stdout, /pa55word/);
    assert.deepEqual(rows(stdout).get('tls-cert'), [files.cert, `${file}:3:11`]);
  });

  it('warns of an issuer that does not answer, and of viewers that nobody asks who they are', async () => {
    const issuer = await check('jwks-url: http://127.0.0.1:1/keys\n');
    assert.equal(issuer.code, 0);
    assert.equal(issuer.stderr.length, 1);
    assert.match(
      issuer.stderr[0] ?? '',
      /^live-server: warning: http:\/\/127\.0\.0\.1:1\/keys: the keys of the issuer/,
    );
    const open = await check('');
    assert.equal(open.code, 0);
    assert.match(open.stderr[0] ?? '', /^live-server: warning: viewers are not authenticated/);
  });

  it('tells the same as JSON', async () => {
    const { code, stdout } = await check('join-rate: 0\nnamespaces: [{rooms: a, state: on}]\n', ['--json']);
    const report = JSON.parse(stdout) as CheckReport;
    assert.equal(code, 2);
    assert.deepEqual([report.ok, report.file], [false, file]);
    assert.deepEqual(report.problems, [
      `${file}:1:12: join-rate: the number 0 is not accepted; it takes a whole number from 1 to 1000000, or unlimited`,
    ]);
    assert.equal(report.settings.length, Object.keys(SETTINGS).length);
    assert.deepEqual(report.namespaces, [
      [
        { setting: 'rooms', value: 'a', from: `${file}:2:22` },
        { setting: 'state', value: 'on', from: `${file}:2:32` },
      ],
    ]);
  });

  it('does not start what a wrong file configures, and names the problem', async () => {
    await writeFile(file, 'listen: 50051\n');
    await using server = new ServerProcess(['--config', file]);
    assert.equal(await server.exit(), 2);
    assert.match(
      server.stderr,
      /^live-server: \S+live\.yaml:1:9: listen: the number 50051 is not accepted; it takes host:port/,
    );
  });
});
