import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { VERSION } from '../../common/node/version.ts';
import { packPackage, writeSbom, writeServer, writeSums } from '../../scripts/release/artifacts.ts';
import { packageProblems } from '../../scripts/release/checks.ts';
import { tempDir } from '../helpers/temp-dir.ts';

interface Sbom {
  readonly bomFormat: string;
  readonly metadata: { readonly component: { readonly name: string; readonly version: string } };
  readonly components: readonly { readonly name: string }[];
}

describe('what npm run release writes', () => {
  it('is the package, live-server as one file, licences, what all is made of, and sums that are right', async () => {
    await using directory = await tempDir();
    const { path } = directory;
    assert.deepEqual(packageProblems(await packPackage(path)), []);
    await writeServer(path, VERSION);
    await writeSbom(path, VERSION);
    await writeSums(path);
    assert.deepEqual((await readdir(path)).sort(), [
      'SHA256SUMS',
      `live-gateway-${VERSION}.cdx.json`,
      `live-gateway-${VERSION}.tgz`,
      `live-server-${VERSION}.licences.txt`,
      `live-server-${VERSION}.mjs`,
    ]);

    const sbom = JSON.parse(await readFile(join(path, `live-gateway-${VERSION}.cdx.json`), 'utf8')) as Sbom;
    assert.equal(sbom.bomFormat, 'CycloneDX');
    assert.deepEqual(
      [sbom.metadata.component.name, sbom.metadata.component.version],
      ['live-gateway', VERSION],
    );
    const names = sbom.components.map(({ name }) => name);
    assert.ok(names.includes('nats'));
    assert.ok(!names.includes('mocha'));

    const licences = await readFile(join(path, `live-server-${VERSION}.licences.txt`), 'utf8');
    for (const name of ['live-gateway', 'nats', '@grpc/grpc-js', 'pino']) assert.ok(licences.includes(name));

    const check = (): Promise<unknown> =>
      promisify(execFile)('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: path });
    await check();
    await writeFile(join(path, `live-server-${VERSION}.mjs`), 'something else');
    await assert.rejects(check());
  });
});
