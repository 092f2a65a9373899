import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Clock } from '../common/clock.ts';
import { systemClock } from '../common/clock.ts';
import { sleep } from '../common/sleep.ts';
import { DataDirInUseError } from './data-dir-lock.ts';
import { pidFile, storeDirectory } from './process.ts';

/** A server whose parent was killed is killed itself five seconds later at the latest: see `spawnWithParent`. */
const ENDING_MS = 10_000;
const POLL_MS = 20;

/**
 * Resolves when the nats-server of a gateway that was killed has ended: it writes to the store until then. A process counts only
 * if it runs on this directory's store: its number may long belong to another one.
 * @throws DataDirInUseError when it does not end
 */
export async function formerServerEnded(
  directory: string,
  signal: AbortSignal = new AbortController().signal,
  clock: Clock = systemClock,
): Promise<void> {
  const pid = Number(await readFile(pidFile(directory), 'utf8').catch(() => ''));
  if (pid <= 0 || !Number.isSafeInteger(pid)) return;
  const giveUpMs = clock.monotonicMs() + ENDING_MS;
  while ((await commandLine(pid)).includes(storeDirectory(directory))) {
    if (clock.monotonicMs() >= giveUpMs) throw new DataDirInUseError(directory, pid);
    await sleep(clock, POLL_MS, signal);
    signal.throwIfAborted();
  }
}

/** The command line of a process; empty if there is no such process. */
async function commandLine(pid: number): Promise<string> {
  try {
    if (process.platform === 'linux') return await readFile(`/proc/${pid}/cmdline`, 'utf8');
    return (await promisify(execFile)('ps', ['-o', 'args=', '-p', String(pid)])).stdout;
  } catch {
    return '';
  }
}
