import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** Where `watch` keeps its cursors. */
export function cursorDatabasePath(env: NodeJS.ProcessEnv = process.env): string {
  return join(stateDirectory(env), 'cursors.db');
}

/** Where `chaos` keeps its runs, unless told otherwise. */
export function chaosDatabasePath(env: NodeJS.ProcessEnv = process.env): string {
  return join(stateDirectory(env), 'chaos.db');
}

/** That path, for people. */
export const CHAOS_DATABASE_HELP =
  '$XDG_STATE_HOME/live-gateway/chaos.db, or ~/.local/state/live-gateway/chaos.db';

/** Under XDG_STATE_HOME, or ~/.local/state. */
function stateDirectory(env: NodeJS.ProcessEnv): string {
  const { XDG_STATE_HOME: configured = '' } = env;
  // The XDG specification says that a relative path is to be ignored.
  const base = isAbsolute(configured) ? configured : join(homedir(), '.local', 'state');
  return join(base, 'live-gateway');
}
