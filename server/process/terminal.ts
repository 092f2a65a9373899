import { closeSync, constants, openSync } from 'node:fs';

/** Whether the process has a terminal. It loses it when that is closed, and is then told by SIGHUP. */
export function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', constants.O_RDWR | constants.O_NOCTTY));
    return true;
  } catch {
    return false;
  }
}
