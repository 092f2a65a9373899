import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { pidFile, storeDirectory } from './process.ts';

const GRACE_MS = 5_000;
const POLL_MS = 20;

/**
 * Stops the nats-server that a gateway which crashed may have left behind on `directory`. A process counts only if
 * it runs on this directory's store: its number may long belong to another one.
 */
export async function stopStaleNats(directory: string): Promise<void> {
  const pid = Number(await readFile(pidFile(directory), 'utf8').catch(() => ''));
  if (pid <= 0 || !Number.isSafeInteger(pid)) return;
  const killAt = performance.now() + GRACE_MS;
  while ((await commandLine(pid)).includes(storeDirectory(directory))) {
    kill(pid, performance.now() < killAt ? 'SIGTERM' : 'SIGKILL');
    await sleep(POLL_MS);
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

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
