import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { BinarySource } from './binary-source.ts';

const COMMAND_TIMEOUT_MS = 120_000;

/** The package of Debian or Ubuntu, unpacked beside the cache without root and without installing it. */
export const fetchFromDistribution: BinarySource = {
  cacheName: `nats-server-distribution-${process.platform}-${process.arch}`,
  description: "the distribution's package (apt-get)",
  async fetch(target, signal) {
    const work = await mkdtemp(join(dirname(target), 'unpack-'));
    try {
      await downloadPackage(work, signal);
      const packageFile = (await readdir(work)).find((name) => name.endsWith('.deb'));
      if (packageFile === undefined) throw new Error('apt-get downloaded no package');
      await run('dpkg-deb', ['-x', packageFile, 'root'], work, signal);
      await rename(join(work, 'root/usr/sbin/nats-server'), target);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  },
};

/** Downloads with the system's package lists, or, where these are missing or outdated, with fresh private ones. */
async function downloadPackage(work: string, signal: AbortSignal): Promise<void> {
  try {
    await aptGet(['download', 'nats-server'], work, [], signal);
  } catch (error) {
    const noAptGet = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (noAptGet || signal.aborted) throw error;
    const state = join(work, 'state');
    const lists = [
      `Dir::State=${state}`,
      `Dir::State::lists=${join(state, 'lists')}`,
      'Dir::State::status=/var/lib/dpkg/status',
    ];
    await mkdir(join(state, 'lists/partial'), { recursive: true });
    await aptGet(['update'], work, lists, signal);
    await aptGet(['download', 'nats-server'], work, lists, signal);
  }
}

async function aptGet(
  command: string[],
  work: string,
  settings: string[],
  signal: AbortSignal,
): Promise<void> {
  const all = [
    `Dir::Cache=${join(work, 'cache')}`,
    // Run as root, apt-get would hand the download to a user who cannot write here.
    'APT::Sandbox::User=root',
    'Acquire::Retries=1',
    'Acquire::http::Timeout=15',
    'Acquire::https::Timeout=15',
    ...settings,
  ];
  await mkdir(join(work, 'cache/archives/partial'), { recursive: true });
  await run('apt-get', ['-q', ...all.flatMap((setting) => ['-o', setting]), ...command], work, signal);
}

async function run(command: string, args: string[], cwd: string, signal: AbortSignal): Promise<void> {
  const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
  await promisify(execFile)(command, args, { cwd, env, signal, timeout: COMMAND_TIMEOUT_MS });
}
