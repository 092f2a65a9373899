import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** Where `watch` keeps its cursors: under XDG_STATE_HOME, or ~/.local/state. */
export function cursorDatabasePath(env: NodeJS.ProcessEnv = process.env): string {
  const { XDG_STATE_HOME: configured = '' } = env;
  // The XDG specification says that a relative path is to be ignored.
  const base = isAbsolute(configured) ? configured : join(homedir(), '.local', 'state');
  return join(base, 'live-gateway', 'cursors.db');
}
