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

/** Numbers of the processes that this one has started, and those have. Known on Linux only. */
export function descendantsOf(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: parentOf(name) }));
  const childrenOf = (of: number): number[] =>
    parents.filter(({ parent }) => parent === of).map((child) => child.pid);
  const children = childrenOf(pid);
  return [...children, ...children.flatMap(descendantsOf)];
}

/** Undefined when the process has ended meanwhile. */
function parentOf(pid: string): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
