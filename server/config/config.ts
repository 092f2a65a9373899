import { parseCommandLine } from './command-line.ts';
import { ConfigError } from './config-error.ts';
import type { Reading } from './reading.ts';
import { readSettings } from './reading.ts';
import type { ServerConfig } from './settings.ts';

export { ConfigError } from './config-error.ts';
export { environmentName } from './environment.ts';
export type { ServerConfig } from './settings.ts';

/** What a command line asks for: a server with this configuration, a report of it, or a text to print (help, version). */
export type Invocation =
  | {
      readonly kind: 'serve';
      readonly config: ServerConfig;
      readonly reading: Reading;
      /** Reads everything again. */
      readonly reread: () => Reading;
    }
  | { readonly kind: 'check'; readonly reading: Reading; readonly form: 'text' | 'json' }
  | { readonly kind: 'print'; readonly text: string };

/**
 * Reads live-server's configuration: a flag beats its environment variable, which beats the configuration file, which beats the default. An empty
 * environment variable counts as not set.
 * @param argv the arguments alone, without node and script.
 * @throws ConfigError
 */
export function parseConfig(argv: readonly string[], env: NodeJS.ProcessEnv): Invocation {
  const line = parseCommandLine(argv);
  if (line.kind === 'print') return line;
  const reread = (): Reading => readSettings(line, env);
  const reading = reread();
  if (line.check !== 'no') return { kind: 'check', reading, form: line.check };
  return { kind: 'serve', config: configIn(reading), reading, reread };
}

/** The configuration of a gateway without flags, environment and file, but for `overrides`. */
export function defaultConfig(overrides: Partial<ServerConfig> = {}): ServerConfig {
  return { ...configIn(readSettings({ texts: {}, config: undefined }, {})), ...overrides };
}

function configIn({ outcome }: Reading): ServerConfig {
  if (outcome.kind === 'right') return outcome.config;
  throw new ConfigError(outcome.problems.join('\n'));
}
