import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '../common/clock.ts';
import { withDeadline } from '../common/deadline.ts';
import type { BinarySource } from './binary-source.ts';

/** The release that is fetched. */
export const RELEASE_VERSION = '2.12.7';

const RELEASES = 'https://github.com/nats-io/nats-server/releases/download';

/** The checksums come first and are small: an unreachable host is known after this time. */
const CHECKSUMS_TIMEOUT_MS = 5_000;
const ARCHIVE_TIMEOUT_MS = 180_000;
const UNPACK_TIMEOUT_MS = 60_000;

/** Names of Node's platforms and architectures in the release's file names. */
const PLATFORMS: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'linux',
  darwin: 'darwin',
  freebsd: 'freebsd',
};
const ARCHITECTURES: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'amd64',
  arm64: 'arm64',
  arm: 'arm7',
  ia32: '386',
  s390x: 's390x',
};

/** The official release, its checksum verified. */
export const fetchFromRelease = releaseSource(RELEASES);

/** The release as served under `base`, in GitHub's layout: `<base>/v<version>/<file>`. */
export function releaseSource(base: string): BinarySource {
  return {
    cacheName: `nats-server-${RELEASE_VERSION}-${process.platform}-${process.arch}`,
    description: `release ${RELEASE_VERSION} from ${new URL(base).host}`,
    async fetch(target, signal) {
      const folder = releaseFolder();
      const archive = `${folder}.tar.gz`;
      const url = `${base}/v${RELEASE_VERSION}`;
      const checksums = await download(`${url}/SHA256SUMS`, CHECKSUMS_TIMEOUT_MS, signal);
      const expected = checksumOf(checksums.toString('utf8'), archive);
      const bytes = await download(`${url}/${archive}`, ARCHIVE_TIMEOUT_MS, signal);
      const actual = createHash('sha256').update(bytes).digest('hex');
      if (actual !== expected)
        throw new Error(`${archive} has SHA-256 ${actual}, the release says ${expected}`);
      await unpack(bytes, `${folder}/nats-server`, target, signal);
    },
  };
}

/**
 * The folder in the release's archive for this platform; the archive is named after it.
 * @throws if there is none.
 */
export function releaseFolder(): string {
  const platform = PLATFORMS[process.platform];
  const architecture = ARCHITECTURES[process.arch];
  if (platform === undefined || architecture === undefined) {
    throw new Error(`no release for ${process.platform} on ${process.arch}`);
  }
  return `nats-server-v${RELEASE_VERSION}-${platform}-${architecture}`;
}

function download(url: string, ms: number, signal: AbortSignal): Promise<Buffer> {
  return withDeadline({ clock: systemClock, ms, signals: [signal] }, async (limit) => {
    const response = await fetch(url, { signal: limit });
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  });
}

/** Lines of SHA256SUMS are `<hex>  <file>`. */
function checksumOf(checksums: string, file: string): string {
  for (const line of checksums.split('\n')) {
    const [checksum, name] = line.trim().split(/\s+\*?/);
    if (name === file && checksum !== undefined) return checksum;
  }
  throw new Error(`${file} is not in the release's SHA256SUMS`);
}

async function unpack(archive: Buffer, member: string, target: string, signal: AbortSignal): Promise<void> {
  const work = await mkdtemp(join(dirname(target), 'unpack-'));
  try {
    const file = join(work, 'archive.tar.gz');
    await writeFile(file, archive);
    await promisify(execFile)('tar', ['-xzf', file, '-C', work, member], {
      signal,
      timeout: UNPACK_TIMEOUT_MS,
    });
    await chmod(join(work, member), 0o755);
    await rename(join(work, member), target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
