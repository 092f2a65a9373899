import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../common/clock.ts';
import type { Grant } from '../../server/auth/grant.ts';
import { allows } from '../../server/auth/grant.ts';
import type { KeySource } from '../../server/auth/key-source.ts';
import { publicKey, secretKey } from '../../server/auth/key-source.ts';
import { TokenVerifier } from '../../server/auth/token-verifier.ts';
import { RunningCli } from '../helpers/cli.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { newSigner, SECRET } from '../helpers/tokens.ts';

describe('live-cli token', () => {
  let directory: TempDir;
  let secretFile: string;

  before(async () => {
    directory = await tempDir();
    secretFile = join(directory.path, 'secret');
    await writeFile(secretFile, `${SECRET}\n`);
  });

  after(() => directory[Symbol.asyncDispose]());

  const run = async (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
    const cli = new RunningCli(['token', ...args], directory.path);
    const code = await cli.exit();
    return { code, stdout: cli.stdout, stderr: cli.stderr };
  };
  const make = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run('make', '--user', 'ann', ...args);
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };
  const grantOf = (token: string, keys: KeySource = secretKey(Buffer.from(SECRET))): Promise<Grant> =>
    new TokenVerifier(keys, { issuer: 'me', audience: 'live', leewayMs: 0 }, systemClock).verify(token);

  it('makes tokens that the gateway takes, with a secret and with a private key', async () => {
    const said = [
      '--issuer',
      'me',
      '--audience',
      'live',
      '--room',
      'match-*',
      '--role',
      'viewer',
      '--allow',
      'publish:gift',
    ];
    const grant = await grantOf(await make(...said, '--secret-file', secretFile, '--id', 'x'));
    assert.deepEqual([grant.user, grant.tokenId], ['ann', 'x']);
    assert.ok(allows(grant, 'publish:gift', 'match-1'));
    assert.ok(!allows(grant, 'publish:question', 'match-1'));
    assert.ok(!allows(grant, 'watch', 'lobby'));
    for (const algorithm of ['RS256', 'ES256', 'EdDSA'] as const) {
      const signer = newSigner(algorithm);
      const file = join(directory.path, algorithm);
      await writeFile(file, signer.privateKey.export({ type: 'pkcs8', format: 'pem' }));
      const pem = signer.publicKey.export({ type: 'spki', format: 'pem' }).toString();
      await grantOf(await make(...said, '--private-key', file), publicKey(pem));
    }
  });

  it('shows what a token says, what of it means nothing, and whether it is signed by a key', async () => {
    const token = await make('--secret-file', secretFile);
    const good = await run('inspect', token, '--secret-file', secretFile);
    assert.equal(good.code, 0, good.stderr);
    assert.match(good.stdout, /"sub": "ann"[\s\S]*"times"[\s\S]*The signature is good/);
    const unverified = await run('inspect', token);
    assert.match(unverified.stdout, /not verified/);
    const other = join(directory.path, 'other');
    await writeFile(other, 'x'.repeat(40));
    const wrong = await run('inspect', token, '--secret-file', other);
    assert.deepEqual([wrong.code, wrong.stderr.includes('signature')], [1, true], wrong.stderr);
    const nonsense = await run('inspect', 'nonsense');
    assert.deepEqual([nonsense.code, nonsense.stderr.includes('no signed JSON Web Token')], [2, true]);
  });

  it('refuses what would make a token that means nothing', async () => {
    for (const args of [
      ['make', '--user', 'ann'],
      ['make', '--user', 'ann', '--secret-file', secretFile, '--role', 'admin'],
      ['make', '--user', 'ann', '--secret-file', secretFile, '--allow', 'pubish:*'],
      ['make', '--user', 'ann', '--secret-file', secretFile, '--room', 'a*b*'],
      ['make', '--secret-file', secretFile],
    ]) {
      const { code, stderr } = await run(...args);
      assert.deepEqual([code, stderr === ''], [2, false], args.join(' '));
    }
  });
});
