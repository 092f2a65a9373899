import { Command, CommanderError, Option } from 'commander';
import { VERSION } from '../../common/node/version.ts';
import { conflictsOf } from './conflicts.ts';
import type { Setting } from './setting.ts';
import type { ServerConfig, SettingName } from './settings.ts';
import { SETTINGS } from './settings.ts';

export type { ServerConfig } from './settings.ts';

/** What a command line asks for: a server with this configuration, or a text to print (help, version). */
export type Invocation =
  | { readonly kind: 'serve'; readonly config: ServerConfig }
  | { readonly kind: 'print'; readonly text: string };

/** The command line or the environment is wrong; the message names every setting concerned. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

type Texts = Partial<Record<SettingName, string>>;

const settings = Object.entries(SETTINGS) as [SettingName, Setting][];

/**
 * Reads live-server's configuration: a flag beats its environment variable, which beats the default. An empty
 * environment variable counts as not set.
 * @param argv the arguments alone, without node and script.
 * @throws ConfigError
 */
export function parseConfig(argv: readonly string[], env: NodeJS.ProcessEnv): Invocation {
  const flags = parseFlags(argv);
  return flags.kind === 'print' ? flags : { kind: 'serve', config: toConfig(flags.texts, env) };
}

/** The configuration of a gateway without flags and environment, but for `overrides`. */
export function defaultConfig(overrides: Partial<ServerConfig> = {}): ServerConfig {
  return { ...toConfig({}, {}), ...overrides };
}

/** The environment variable of a setting. */
export const environmentName = ({ flag }: Setting): string =>
  `LIVE_${flag.toUpperCase().replaceAll('-', '_')}`;

function toConfig(flags: Texts, env: NodeJS.ProcessEnv): ServerConfig {
  const texts: Texts = {};
  const values: Partial<Record<SettingName, unknown>> = {};
  const problems: (readonly [SettingName, string])[] = [];
  for (const [name, setting] of settings) {
    const text = flags[name] ?? notEmpty(env[environmentName(setting)]) ?? setting.fallback;
    if (text === undefined) continue;
    texts[name] = text;
    values[name] = setting.parse(text);
    if (values[name] === undefined) problems.push([name, `is not accepted; it takes ${setting.takes}`]);
  }
  const config = values as ServerConfig;
  if (problems.length === 0) problems.push(...conflictsOf(config));
  if (problems.length === 0) return config;
  const lines = problems.map(([name, problem]) => {
    const setting = SETTINGS[name];
    return `--${setting.flag} (${environmentName(setting)}): ${JSON.stringify(texts[name])} ${problem}`;
  });
  throw new ConfigError(lines.join('\n'));
}

const notEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

type Flags =
  { readonly kind: 'flags'; readonly texts: Texts } | { readonly kind: 'print'; readonly text: string };

function parseFlags(argv: readonly string[]): Flags {
  let printed = '';
  const command = new Command('live-server')
    .description('Gateway between viewers of live rooms (gRPC) and NATS JetStream.')
    .version(VERSION)
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeOut: (text) => (printed += text), writeErr: () => undefined })
    .configureHelp({ helpWidth: 110 });
  const options = settings.map(([name, setting]) => ({ name, option: toOption(setting) }));
  for (const { option } of options) command.addOption(option);
  try {
    command.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'print', text: printed };
    throw new ConfigError(error.message.replace(/^error: /, ''), { cause: error });
  }
  const values = command.opts<Record<string, string | true | undefined>>();
  const texts: Texts = {};
  for (const { name, option } of options) {
    const value = values[option.attributeName()];
    if (value !== undefined) texts[name] = String(value);
  }
  return { kind: 'flags', texts };
}

/** One in brackets may be absent, as in any help. */
function argument(placeholder: string | undefined): string {
  if (placeholder === undefined) return '';
  return placeholder.startsWith('[') ? ` ${placeholder}` : ` <${placeholder}>`;
}

function toOption(setting: Setting): Option {
  const { flag, placeholder, help, fallback } = setting;
  const notes = [environmentName(setting)];
  if (placeholder !== undefined && fallback !== undefined) notes.push(`default ${fallback}`);
  return new Option(`--${flag}${argument(placeholder)}`, `${help} (${notes.join(', ')})`);
}
