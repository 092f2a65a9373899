import assert from 'node:assert/strict';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CertificateError, readCertificates } from '../../server/tls/certificate-files.ts';
import type { WatchedCertificates } from '../../server/tls/certificate-watch.ts';
import { watchCertificates } from '../../server/tls/certificate-watch.ts';
import type { Identity } from '../helpers/certificates.ts';
import { Authority } from '../helpers/certificates.ts';
import { LogLines } from '../helpers/log-lines.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { until } from '../helpers/poll.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const LOOK_MS = 5_000;
const STAY = 'certificates cannot be replaced: the former ones stay';

describe('certificates of a gateway', () => {
  let directory: TempDir;
  let authority: Authority;
  let first: Identity;
  let second: Identity;
  let files: { cert: string; key: string; clientCa: string | undefined };

  before(async () => {
    directory = await tempDir();
    authority = await Authority.create(directory.path);
    [first, second] = await Promise.all([authority.issue(), authority.issue()]);
  });

  after(() => directory[Symbol.asyncDispose]());

  beforeEach(async () => {
    files = {
      cert: join(directory.path, 'tls.crt'),
      key: join(directory.path, 'tls.key'),
      clientCa: undefined,
    };
    await write(first);
  });

  async function write({ cert, key }: Pick<Identity, 'cert' | 'key'>): Promise<void> {
    await writeFile(files.cert, cert);
    await writeFile(files.key, key);
  }

  describe('that cannot be used are refused with the setting and the file', () => {
    const refused = async (...words: string[]): Promise<void> => {
      await assert.rejects(readCertificates(files), (error) => {
        assert.ok(error instanceof CertificateError);
        for (const word of words) assert.ok(error.message.includes(word), `${error.message} lacks ${word}`);
        return true;
      });
    };

    it('a file that is not there', async () => {
      files.cert = join(directory.path, 'none.crt');
      await refused(`--tls-cert ${files.cert}`, 'cannot be read', 'ENOENT');
    });

    it('a file with something else in it', async () => {
      await writeFile(files.cert, 'no certificate');
      await refused(`--tls-cert ${files.cert}`, 'has no certificate');
      await writeFile(files.cert, first.cert.replace(/\n[A-Za-z0-9+/]{20}/, '\n????????????????????'));
      await refused(`--tls-cert ${files.cert}`, 'cannot be read');
      await write({ cert: first.cert, key: first.cert });
      await refused(`--tls-key ${files.key}`, 'has no private key');
    });

    it('a key that belongs to another certificate', async () => {
      await write({ cert: first.cert, key: second.key });
      await refused(`--tls-key ${files.key}`, `does not belong to the certificate in ${files.cert}`);
    });

    it('an encrypted key', async () => {
      const key = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n';
      await write({ cert: first.cert, key });
      await refused(`--tls-key ${files.key}`, 'without a passphrase');
    });

    it('authorities without a certificate', async () => {
      files.clientCa = files.key;
      await refused(`--tls-client-ca ${files.key}`, 'has no certificate');
    });
  });

  describe('are read again when their files change', () => {
    let clock: ManualClock;
    let log: LogLines;
    let watched: WatchedCertificates;

    beforeEach(async () => {
      clock = new ManualClock();
      log = new LogLines();
      watched = await watchCertificates(files, clock, log.logger);
    });

    afterEach(() => {
      watched.close();
      assert.equal(clock.pending, 0);
    });

    const serial = (): string => watched.current.now.cert;

    /** Each is a look at the files. */
    const looks = (name: string, holds: () => boolean): Promise<unknown> =>
      until(name, () => {
        clock.advance(LOOK_MS);
        return holds();
      });

    it('written over', async () => {
      let replaced = 0;
      watched.current.onReplaced(() => replaced++);
      await write(second);
      await looks('the second one is taken', () => serial() === second.cert);
      await watched.reload();
      assert.equal(replaced, 1);
      assert.equal(log.with('certificates replaced').length, 1);
    });

    it('renamed into their place', async () => {
      await writeFile(`${files.cert}.new`, second.cert);
      await writeFile(`${files.key}.new`, second.key);
      await rename(`${files.cert}.new`, files.cert);
      await rename(`${files.key}.new`, files.key);
      await looks('the second one is taken', () => serial() === second.cert);
    });

    it('behind a link that moves, as Kubernetes does it', async () => {
      watched.close();
      const volume = join(directory.path, 'volume');
      for (const [name, { cert, key }] of [['..1', first] as const, ['..2', second] as const]) {
        await mkdir(join(volume, name), { recursive: true });
        await writeFile(join(volume, name, 'tls.crt'), cert);
        await writeFile(join(volume, name, 'tls.key'), key);
      }
      await symlink('..1', join(volume, '..data'));
      for (const name of ['tls.crt', 'tls.key']) await symlink(join('..data', name), join(volume, name));
      files = { ...files, cert: join(volume, 'tls.crt'), key: join(volume, 'tls.key') };
      watched = await watchCertificates(files, clock, log.logger);
      assert.equal(serial(), first.cert);
      await symlink('..2', join(volume, '..data_tmp'));
      await rename(join(volume, '..data_tmp'), join(volume, '..data'));
      await looks('the second one is taken', () => serial() === second.cert);
      await rm(volume, { recursive: true });
    });

    it('what is wrong stays out, and is told once, if it is still so at the next look', async () => {
      await writeFile(files.cert, second.cert);
      await looks('it is told', () => log.with(STAY).length > 0);
      const [line] = log.with(STAY);
      assert.ok(line);
      assert.equal(line.level, 'error');
      assert.match(String(line.facts['reason']), new RegExp(`--tls-key ${files.key}`));
      assert.equal(serial(), first.cert);
      await rm(files.key);
      await looks('the next trouble is told', () => log.with(STAY).length > 1);
      await writeFile(files.key, second.key);
      await looks('the second one is taken', () => serial() === second.cert);
      assert.equal(log.with(STAY).length, 2);
    });

    it('half of a change is no trouble', async () => {
      await writeFile(files.cert, second.cert);
      clock.advance(LOOK_MS);
      await writeFile(files.key, second.key);
      await looks('the second one is taken', () => serial() === second.cert);
      assert.equal(log.with(STAY).length, 0);
    });

    it('when asked at once, and everything that is found is told', async () => {
      await watched.reload();
      assert.equal(log.with('certificates are as they were').length, 1);
      await writeFile(files.cert, second.cert);
      await watched.reload();
      await watched.reload();
      assert.equal(log.with(STAY).length, 2);
      await writeFile(files.key, second.key);
      await watched.reload();
      assert.equal(serial(), second.cert);
    });
  });
});
