import { spawn } from 'node:child_process';

/**
 * Ends a child process when this one is gone, however that ends, even by SIGKILL. A shell waits on a pipe whose other end
 * only this process holds: when the pipe closes, it ends the child with SIGTERM, and with SIGKILL five seconds later.
 * @param exited resolves when the child has ended
 */
export function endWithParent(pid: number, exited: Promise<unknown>): void {
  const script = 'read -r _; kill -TERM "$0" && sleep 5 && kill -KILL "$0"';
  const guard = spawn('/bin/sh', ['-c', script, String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.once('error', () => undefined);
  guard.unref();
  void exited.then(() => guard.kill('SIGKILL'));
}
