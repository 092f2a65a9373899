import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { serverBundle } from '../server-bundle.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SUMS = 'SHA256SUMS';

/** Runs a program in the repository; gives what it prints. @throws when it fails, with what it said */
export async function output(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { cwd: ROOT, maxBuffer: 2 ** 26 });
  return stdout;
}

/** Packs the package as it was built. @returns the files in it */
export async function packPackage(folder: string): Promise<string[]> {
  const [packed] = JSON.parse(
    await output('npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', folder),
  ) as { files: { path: string }[] }[];
  return packed?.files.map(({ path }) => path) ?? [];
}

/**
 * Writes live-server as one file, and the licences of all that is in it.
 * @throws when that file does not run in a folder with nothing else
 */
export async function writeServer(folder: string, version: string): Promise<void> {
  const { code, packages } = await serverBundle();
  const name = `live-server-${version}.mjs`;
  await writeFile(join(folder, name), code);
  await writeFile(join(folder, `live-server-${version}.licences.txt`), await licences(packages));
  const empty = await mkdtemp(join(tmpdir(), 'live-release-'));
  try {
    await writeFile(join(empty, name), code);
    const { stdout } = await promisify(execFile)(process.execPath, [name, '--version'], { cwd: empty });
    if (stdout.trim() !== version) throw new Error(`${name} says that it is ${stdout.trim()}`);
  } finally {
    await rm(empty, { recursive: true });
  }
}

/** Writes what the package is made of, as CycloneDX has it: what is shipped, and nothing that only developers need. */
export async function writeSbom(folder: string, version: string): Promise<void> {
  const sbom = JSON.parse(
    await output('npm', 'sbom', '--sbom-format=cyclonedx', '--omit=dev', '--package-lock-only'),
  ) as { metadata: { component: { name: string } } };
  // npm has the name of the folder there.
  sbom.metadata.component.name = 'live-gateway';
  await writeFile(join(folder, `live-gateway-${version}.cdx.json`), `${JSON.stringify(sbom, null, 2)}\n`);
}

/** Writes the SHA-256 of every other file in a folder, as `sha256sum --check` takes them. */
export async function writeSums(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name !== SUMS).sort();
  const lines = names.map(async (name) => {
    const sum = createHash('sha256').update(await readFile(join(folder, name)));
    return `${sum.digest('hex')}  ${name}\n`;
  });
  await writeFile(join(folder, SUMS), (await Promise.all(lines)).join(''));
}

/** The licences of packages, by their folders. @throws when one has none: it may not be passed on then */
async function licences(packages: readonly string[]): Promise<string> {
  const own = `live-gateway\n\n${await readFile(join(ROOT, 'LICENSE'), 'utf8')}`;
  const others = packages.map(async (folder) => {
    const files = await readdir(join(ROOT, folder));
    const named = files.find((file) => /^licen[cs]e/i.test(file));
    const { name, version, license } = JSON.parse(
      await readFile(join(ROOT, folder, 'package.json'), 'utf8'),
    ) as Record<string, string>;
    if (named === undefined && license === undefined) throw new Error(`${folder} has no licence`);
    const text = named === undefined ? '' : await readFile(join(ROOT, folder, named), 'utf8');
    return `${name} ${version} (${license})\n\n${text}`;
  });
  return [own, ...(await Promise.all(others))].join(`\n${'-'.repeat(80)}\n`);
}
