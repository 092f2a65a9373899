import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../common/clock.ts';
import { defaultConfig } from '../../server/config/config.ts';
import type { AccessSettings } from '../../server/gateway/nats-access.ts';
import { natsAccess } from '../../server/gateway/nats-access.ts';
import { nkeys } from '../../server/nats/access/nkeys.ts';
import type { NatsAccess } from '../../server/nats/access/access.ts';
import type { NatsConnection } from '../../server/nats/connection/connection.ts';
import { connectNats } from '../../server/nats/connection/connection.ts';
import { createLogger } from '../../server/observability/logging.ts';
import { JwtOperator } from '../helpers/nats-jwt.ts';
import { until } from '../helpers/poll.ts';
import { SecuredNats } from '../helpers/secured-nats.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const JETSTREAM_FOR = (user: string): string => `
  accounts { LIVE { jetstream: enabled, users: [${user}] } }`;

describe('what the gateway says to NATS of who it is', () => {
  let directory: TempDir;
  let nats: SecuredNats;
  let file: string;
  let lines: string[];

  beforeEach(async () => {
    directory = await tempDir();
    file = join(directory.path, 'secret');
    lines = [];
    nats = await SecuredNats.start('');
  });

  afterEach(async () => {
    await nats[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  const access = (settings: Partial<AccessSettings>): NatsAccess =>
    natsAccess(defaultConfig({ nats: [nats.url], ...settings })) as NatsAccess;

  async function connected(settings: Partial<AccessSettings>): Promise<NatsConnection & AsyncDisposable> {
    const log = createLogger('debug', { write: (line) => void lines.push(line) });
    const connection = await connectNats(access(settings), 'test', systemClock, log);
    return Object.assign(connection, { [Symbol.asyncDispose]: () => connection.close() });
  }

  /** The server no longer lets in who was; the connection ends with that. */
  async function lockedOut(connection: NatsConnection, config: string): Promise<void> {
    await nats.reload(config);
    await until('it is refused, and the log says why', () => explained().length > 0);
    assert.equal(connection.up, false);
  }

  const explained = (): string[] => lines.filter((line) => line.includes('still no connection to NATS'));
  const back = (connection: NatsConnection): Promise<unknown> => until('it is back', () => connection.up);

  it('a user with the password in a file, which is read anew', async () => {
    await writeFile(file, 'first-secret\n');
    await nats.reload('authorization { user: gw, password: first-secret }');
    await using connection = await connected({ natsUser: 'gw', natsPasswordFile: file });
    await lockedOut(connection, 'authorization { user: gw, password: second-secret }');
    assert.match(
      explained()[0] ?? '',
      /does not take the user gw \(--nats-user\).*--nats-password-file.*read again/,
    );
    await writeFile(file, 'second-secret\n');
    await back(connection);
    assert.doesNotMatch(lines.join(''), /-secret/);
  });

  it('a token in a file, which is read anew', async () => {
    await writeFile(file, 'first-secret');
    await nats.reload('authorization { token: first-secret }');
    await using connection = await connected({ natsTokenFile: file });
    await lockedOut(connection, 'authorization { token: second-secret }');
    assert.match(explained()[0] ?? '', /does not take the token in .*--nats-token-file/);
    await writeFile(file, 'second-secret');
    await back(connection);
    assert.doesNotMatch(lines.join(''), /-secret/);
  });

  it('the seed of an NKey in a file, which is read anew', async () => {
    const [first, second] = [nkeys.createUser(), nkeys.createUser()];
    await writeFile(file, `# made by nk\n${Buffer.from(first.getSeed()).toString()}\n`);
    await nats.reload(JETSTREAM_FOR(`{ nkey: ${first.getPublicKey()} }`));
    await using connection = await connected({ natsNkey: file });
    await lockedOut(connection, JETSTREAM_FOR(`{ nkey: ${second.getPublicKey()} }`));
    assert.match(
      explained()[0] ?? '',
      new RegExp(`no user with the nkey ${first.getPublicKey()}.*--nats-nkey`),
    );
    await writeFile(file, second.getSeed());
    await back(connection);
    for (const key of [first, second])
      assert.ok(!lines.join('').includes(Buffer.from(key.getSeed()).toString()));
  });

  it('a JWT in a file, which is read anew when it has expired', async () => {
    const operator = new JwtOperator();
    await nats.restart(operator.config);
    const short = operator.creds(Math.ceil(Date.now() / 1_000) + 4);
    await writeFile(file, short.text.replaceAll('\n', '\r\n'));
    await using connection = await connected({ natsCreds: file });
    await until('it has expired, which is explained', () => explained().length > 0);
    assert.ok(
      lines.some((line) => line.includes('User Authentication Expired')),
      'the server says so',
    );
    assert.match(explained()[0] ?? '', /the JWT in .*--nats-creds\) has expired at 20.*put a new one there/);
    const long = operator.creds();
    await writeFile(file, long.text);
    await back(connection);
    for (const { jwt, seed } of [short, long])
      for (const secret of [jwt, seed]) assert.ok(!lines.join('').includes(secret));
  });

  it('is tried as it was read last while the file is away, which is told once', async () => {
    await writeFile(file, 'first-secret');
    await nats.reload('authorization { token: first-secret }');
    await using connection = await connected({ natsTokenFile: file });
    await rm(file);
    for (let times = 0; times < 2; times++) {
      let lost = false;
      const unwatch = connection.onChange((up) => (lost ||= !up));
      await nats.restart();
      await until('it was lost', () => lost);
      await back(connection);
      unwatch();
    }
    const told = lines.filter((line) => line.includes('cannot be read: those read before are tried'));
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', /--nats-token-file: .* cannot be read \(ENOENT\)/);
  });

  it('a user and a password, or a token, in the addresses', async () => {
    const address = (credentials: string): Partial<AccessSettings> => ({
      nats: [nats.url.replace('://', `://${credentials}@`), nats.url.replace('nats://', '')],
    });
    await nats.reload('authorization { user: "g@w", password: "a:b/c" }');
    await using first = await connected(address('g%40w:a:b%2Fc'));
    assert.equal(first.up, true);
    await nats.reload('authorization { token: "t+k" }');
    await using second = await connected(address('t+k'));
    assert.equal(second.up, true);
    await assert.rejects(connected(address('wrong')), (error: Error) => {
      assert.match(error.message, /does not take the token in --nats/);
      assert.doesNotMatch(error.message, /wrong/);
      return true;
    });
  });

  it('refuses to start at once with credentials that the server does not take', async () => {
    const operator = new JwtOperator();
    await writeFile(file, operator.creds(1).text);
    await nats.restart(operator.config);
    await assert.rejects(connected({ natsCreds: file }), /has expired at 1970-01-01T00:00:01/);
    await writeFile(file, new JwtOperator().creds().text);
    await assert.rejects(connected({ natsCreds: file }), /does not take the JWT.*its account may be unknown/);
    await assert.rejects(connected({}), /lets nobody in without credentials.*give --nats-creds/);
  });
});
