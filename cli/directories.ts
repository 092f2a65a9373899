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

/** Where contexts are kept: under XDG_CONFIG_HOME, or ~/.config. */
export function configDirectory({ XDG_CONFIG_HOME }: NodeJS.ProcessEnv): string {
  return under(XDG_CONFIG_HOME, '.config');
}

/** Under XDG_STATE_HOME, or ~/.local/state. */
function stateDirectory({ XDG_STATE_HOME }: NodeJS.ProcessEnv): string {
  return under(XDG_STATE_HOME, join('.local', 'state'));
}

/** The XDG specification says that a relative path is to be ignored. */
function under(configured = '', fallback: string): string {
  return join(isAbsolute(configured) ? configured : join(homedir(), fallback), 'live-gateway');
}
