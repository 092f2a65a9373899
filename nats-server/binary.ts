import { execFile } from 'node:child_process';
import { access, constants, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import type { BinarySource } from './binary-source.ts';
import { fetchFromDistribution } from './fetch-distribution.ts';
import { fetchFromRelease } from './fetch-release.ts';

const OLDEST_VERSION = [2, 9, 10] as const;
const VERSION_TIMEOUT_MS = 10_000;

/** Where packages put daemons, often missing in the PATH of ordinary users. */
const SYSTEM_DIRECTORIES = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin'];

/** Where to look; everything has a default. */
export interface FindOptions {
  /** Path set by the user: only this one is looked at. */
  readonly explicit?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
  readonly systemDirectories?: readonly string[];
  /** Tried in order when no nats-server is installed or cached. */
  readonly sources?: readonly BinarySource[];
  /** Told before something slow begins. */
  readonly onProgress?: (message: string) => void;
  readonly signal?: AbortSignal;
}

/** No usable nats-server; the message says what was tried and what to do. */
export class NatsBinaryError extends Error {
  override readonly name = 'NatsBinaryError';
}

/**
 * Finds a nats-server that can be run, or fetches one into the cache: explicit path, PATH and system directories,
 * cache, official release, package of the distribution.
 * @returns the path of the executable.
 * @throws NatsBinaryError if there is none.
 */
export async function findNatsServer(options: FindOptions = {}): Promise<string> {
  const {
    explicit,
    env = process.env,
    systemDirectories = SYSTEM_DIRECTORIES,
    sources = [fetchFromRelease, fetchFromDistribution],
    onProgress = () => undefined,
    signal = new AbortController().signal,
  } = options;
  if (explicit !== undefined) {
    const problem = await problemWith(explicit);
    if (problem === undefined) return explicit;
    throw new NatsBinaryError(`nats-server at ${explicit} cannot be used: ${problem}`);
  }

  const tried: string[] = [];
  const cache = cacheDirectory(env);
  const cached = sources.map((source) => join(cache, source.cacheName));
  const installed = [...(env['PATH'] ?? '').split(delimiter), ...systemDirectories]
    .filter(isAbsolute)
    .map((directory) => join(directory, 'nats-server'));
  for (const file of new Set([...installed, ...cached])) {
    if (!(await isExecutable(file))) continue;
    const problem = await problemWith(file);
    if (problem === undefined) return file;
    tried.push(`${file}: ${problem}`);
  }
  if (tried.length === 0) tried.push(`PATH, ${systemDirectories.join(', ')}, ${cache}: not there`);

  for (const { cacheName, description, fetch } of sources) {
    signal.throwIfAborted();
    onProgress(`nats-server is not installed, trying ${description}`);
    const target = join(cache, cacheName);
    try {
      await mkdir(cache, { recursive: true });
      await fetch(target, signal);
    } catch (error) {
      tried.push(`${description}: ${reasonOf(error)}`);
      continue;
    }
    const problem = await problemWith(target);
    if (problem === undefined) return target;
    tried.push(`${description}: ${problem}`);
  }
  signal.throwIfAborted();
  throw new NatsBinaryError(advice(tried));
}

/** Undefined if the file is a nats-server new enough that runs here, else what is wrong with it. */
async function problemWith(file: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(file, ['--version'], { timeout: VERSION_TIMEOUT_MS });
    const version = /v(\d+)\.(\d+)\.(\d+)/.exec(stdout);
    if (version === null) return 'it does not say its version';
    const [, major, minor, patch] = version.map(Number) as [number, number, number, number];
    return isOld([major, minor, patch])
      ? `version ${version[0]} is older than v${OLDEST_VERSION.join('.')}`
      : undefined;
  } catch (error) {
    return `it does not run (${reasonOf(error)})`;
  }
}

function isOld(version: readonly [number, number, number]): boolean {
  const [major, minor, patch] = version;
  const [oldestMajor, oldestMinor, oldestPatch] = OLDEST_VERSION;
  if (major !== oldestMajor) return major < oldestMajor;
  if (minor !== oldestMinor) return minor < oldestMinor;
  return patch < oldestPatch;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function cacheDirectory(env: NodeJS.ProcessEnv): string {
  const base = env['XDG_CACHE_HOME'];
  return join(base !== undefined && isAbsolute(base) ? base : join(homedir(), '.cache'), 'live-gateway');
}

/** One line: what a command wrote to its standard error, or the error's message and that of its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { stderr } = error as { stderr?: string };
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  const reason = stderr === undefined || stderr === '' ? `${error.message}${cause}` : stderr;
  return reason.trim().replaceAll(/\s*\n\s*/g, '; ');
}

const advice = (tried: readonly string[]): string => `no nats-server found, and none could be fetched.
Tried:
${tried.map((line) => `  - ${line}`).join('\n')}
Install one, then start again:
  Debian, Ubuntu:  sudo apt-get install nats-server
  macOS:           brew install nats-server
or run one and name it:
  docker run -d -p 4222:4222 nats -js    then    live-server --nats nats://127.0.0.1:4222
A nats-server elsewhere on this machine is named with --nats-server PATH.`;
