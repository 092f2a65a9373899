import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { redacted } from '../../common/node/redact.ts';
import { defaultConfig } from '../../server/config/config.ts';
import { natsAccess } from '../../server/gateway/nats-access.ts';
import type { AccessSettings } from '../../server/gateway/nats-access.ts';
import { nkeys } from '../../server/nats/access/nkeys.ts';
import type { NatsAccess } from '../../server/nats/access/access.ts';
import { checkAccess } from '../../server/nats/access/proof.ts';
import { requireTls } from '../../server/nats/connection/tls-guard.ts';
import { Authority } from '../helpers/certificates.ts';
import { JwtOperator } from '../helpers/nats-jwt.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const accessOf = (settings: Partial<AccessSettings>): NatsAccess =>
  natsAccess(defaultConfig({ nats: ['a:1'], ...settings })) as NatsAccess;

describe('how NATS is reached', () => {
  it('takes credentials out of the addresses', () => {
    const password = (user: string, value: string) =>
      ({ kind: 'password', user, password: { kind: 'value', value } }) as const;
    const token = (value: string) => ({ kind: 'token', token: { kind: 'value', value } }) as const;
    const expected = [
      ['nats://u:p@a:1', 'nats://a:1', password('u', 'p')],
      ['u:p@a:1', 'a:1', password('u', 'p')],
      ['tls://u%40b:p%3A%2F@a', 'tls://a', password('u@b', 'p:/')],
      ['nats://u:@a', 'nats://a', password('u', '')],
      ['nats://t+k@[::1]:1', 'nats://[::1]:1', token('t+k')],
      ['nats://a:1', 'nats://a:1', { kind: 'none' }],
    ] as const;
    for (const [url, address, credentials] of expected) {
      const access = accessOf({ nats: [url] });
      assert.deepEqual([access.urls, access.credentials], [[address], credentials], url);
    }
  });

  it('requires TLS where one address or a file asks for it', () => {
    assert.equal(accessOf({}).tls.kind, 'offered');
    assert.equal(accessOf({ nats: ['a:1', 'tls://b:1'] }).tls.kind, 'required');
    assert.equal(accessOf({ natsCa: 'ca' }).tls.kind, 'required');
    assert.equal(accessOf({ natsCert: 'c', natsKey: 'k' }).tls.kind, 'required');
  });

  it('lets TLS begin only by a greeting that offers it, and ends there', () => {
    const line = Buffer.from('INFO {}\r\n');
    for (const greeting of [{ tls_required: true }, { tls_available: true }]) requireTls(greeting, line);
    for (const greeting of [{}, { tls_required: 1 }, { tls_available: 'true' }, { tls_required: false }])
      assert.throws(() => requireTls(greeting, line), /does not offer TLS/);
    assert.throws(
      () => requireTls({ tls_required: true }, Buffer.from('INFO {}\r\nMSG')),
      /before TLS has begun/,
    );
  });
});

describe('files with credentials for NATS that cannot be used', () => {
  let directory: TempDir;
  before(async () => {
    directory = await tempDir();
  });
  after(() => directory[Symbol.asyncDispose]());

  /** @param told after the name of the setting and the path; what the file holds is never told */
  async function refuses(
    setting: keyof AccessSettings,
    text: string,
    told: RegExp,
    more: Partial<AccessSettings> = {},
  ) {
    const path = join(directory.path, setting);
    await writeFile(path, text);
    assert.throws(
      () => checkAccess(accessOf({ [setting]: path, ...more })),
      ({ message }: Error) => {
        const flag = `--${setting.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
        assert.ok(message.startsWith(`${flag}: ${path} `), message);
        assert.match(message, told);
        for (const line of text.split('\n').filter((part) => part.length > 3))
          assert.ok(!message.includes(line));
        return true;
      },
    );
  }

  it('are named, with what is wrong', async () => {
    const { jwt, seed } = new JwtOperator().creds();
    const accountSeed = Buffer.from(nkeys.createAccount().getSeed()).toString();
    const block = (name: string, text: string): string =>
      `-----BEGIN ${name}-----\n${text}\n-----END ${name}-----\n`;
    await refuses('natsTokenFile', '', /is empty/);
    await refuses('natsTokenFile', 'hunter2\nhunter3', /more than one line/);
    await refuses('natsPasswordFile', '\n', /is empty/, { natsUser: 'u' });
    await refuses('natsNkey', 'hunter2', /holds no seed of a user/);
    await refuses('natsNkey', accountSeed, /holds no seed of a user/);
    await refuses('natsNkey', seed.replace(/..$/, 'AA'), /holds no seed of a user/);
    await refuses('natsCreds', seed, /holds no JWT/);
    await refuses('natsCreds', block('NATS USER JWT', jwt), /holds no seed of a user behind the JWT/);
    await refuses(
      'natsCreds',
      block('NATS USER JWT', jwt) + block('USER NKEY SEED', accountSeed),
      /holds no seed/,
    );
    await refuses('natsCa', 'hunter2', /holds no certificate/);
    await refuses('natsCa', block('CERTIFICATE', 'aHVudGVyMg=='), /holds no certificate/);
    assert.throws(
      () => checkAccess(accessOf({ natsCreds: '/nowhere/gw.creds' })),
      /^AccessError: --nats-creds: \/nowhere\/gw\.creds cannot be read \(ENOENT\)$/,
    );
  });

  it('are named when certificate and key do not go together', async () => {
    const authority = await Authority.create(directory.path);
    const [own, other] = [await authority.issue(), await authority.issue()];
    const natsCert = own.certFile;
    await refuses('natsKey', other.key, /does not belong to the certificate of --nats-cert/, { natsCert });
    await refuses('natsKey', 'hunter2', /holds no private key/, { natsCert });
    await refuses('natsCert', 'hunter2', /holds no certificate/, { natsKey: own.keyFile });
    checkAccess(accessOf({ natsCert, natsKey: own.keyFile, natsCa: authority.caFile }));
  });
});

describe('what is told of an address', () => {
  it('is without credentials, whatever signs they have', () => {
    for (const secret of ['hunter2', 'u:hunter2', 'u:hun/ter2', 'hun@ter2', 'u:hunter2%40']) {
      const text = redacted(`nats://a:1,nats://${secret}@b:1 is wrong`);
      assert.equal(text, 'nats://a:1,nats://***@b:1 is wrong');
    }
  });
});
