import { readdirSync, readFileSync } from 'node:fs';

/** True while a process with this number runs. A process that has ended but that nobody waited for yet does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || stateIn(`/proc/${pid}/stat`) !== 'Z';
  } catch {
    return false;
  }
}

/** True once SIGSTOP has reached every thread of the process: until then it may still answer. Known on Linux only. */
export function isStopped(pid: number): boolean {
  if (process.platform !== 'linux') return true;
  const threads = `/proc/${pid}/task`;
  return readdirSync(threads).every((thread) => stateIn(`${threads}/${thread}/stat`) === 'T');
}

/** The state's letter follows the command's name, which is in parentheses and may contain some. */
function stateIn(statFile: string): string | undefined {
  const text = readFileSync(statFile, 'utf8');
  return text[text.lastIndexOf(')') + 2];
}
