import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** Clock ticks a second in /proc; the same on every Linux of today. */
const TICKS = 100;
const FIELD = { utime: 13, stime: 14 } as const;

/** Processes that a process has started and that run. */
export function childrenOf(pid: number): number[] {
  const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return pids.split(' ').filter(Boolean).map(Number);
}

/** CPU time that the processes have used so far, all threads, in seconds. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name is in parentheses and may contain anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // What is cut off are the first two fields.
    ticks += Number(fields[FIELD.utime - 2]) + Number(fields[FIELD.stime - 2]);
  }
  return ticks / TICKS;
}

/** Resident memory of the processes, in bytes. */
export function residentBytes(pids: readonly number[]): number {
  let kib = 0;
  for (const pid of pids) {
    kib += Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  }
  return kib * 1024;
}

/**
 * CPU time that the machine has been busy for, since some fixed moment, in seconds; time stolen by other machines
 * included. Taken from the time that it was idle, the only figure of /proc/stat that is measured: the others are counted by what a
 * clock tick happens to find, and have interrupts apart, which the times of processes contain.
 */
export function machineBusySeconds(): number {
  const [, , , , idle, iowait] = readFileSync('/proc/stat', 'utf8').split(/\s+/);
  return (cpus().length * performance.now()) / 1000 - (Number(idle) + Number(iowait)) / TICKS;
}
