import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';

/**
 * A shell that becomes the command, and before that leaves somebody behind who waits on a pipe whose other end only our process
 * holds: when the pipe closes, however we end, the command gets SIGTERM, and SIGKILL five seconds later. A line says that the
 * command has ended by itself. So there is no moment in which the command runs and nobody would end it.
 */
const SCRIPT = `
  (read -r _ <&3 || { kill -TERM $$ && sleep 5 && kill -KILL $$; }) </dev/null >/dev/null 2>&1 &
  exec 3<&-
  exec "$0" "$@"`;

/** Where a child's input and output go: as with `spawn`, for the first three descriptors. */
export interface ChildOptions extends Omit<SpawnOptions, 'stdio' | 'shell'> {
  readonly stdio: readonly [stdin: 'ignore', stdout: 'pipe' | number, stderr: 'pipe' | number];
}

/**
 * Starts a command in a process group of its own that does not outlive this process, however that ends, even by SIGKILL the
 * moment after. Its number, signals and exit code are the command's; that it cannot be run shows as exit code 126 or 127.
 */
export function spawnWithParent(
  command: string,
  args: readonly string[],
  { stdio, ...options }: ChildOptions,
): ChildProcess {
  const child = spawn('/bin/sh', ['-c', SCRIPT, command, ...args], {
    ...options,
    detached: true,
    stdio: [...stdio, 'pipe'],
  });
  // Absent if the shell could not be started.
  const lifeline = child.stdio[3] as (Duplex & { unref(): void }) | null | undefined;
  lifeline?.on('error', () => undefined);
  lifeline?.unref();
  child.once('exit', () => lifeline?.end('ended\n'));
  return child;
}
