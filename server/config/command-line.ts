import { Command, CommanderError, Option } from 'commander';
import { VERSION } from '../../common/node/version.ts';
import { ConfigError } from './config-error.ts';
import { environmentName } from './environment.ts';
import type { Setting } from './setting.ts';
import type { SettingName } from './settings.ts';
import { SETTINGS } from './settings.ts';

/** The environment variable that names the configuration file, where no flag does. */
export const CONFIG_VARIABLE = 'LIVE_CONFIG';

/** What a command line asks for. */
export type CommandLine =
  | {
      readonly kind: 'flags';
      /** Settings as they are written. */
      readonly texts: Readonly<Partial<Record<SettingName, string>>>;
      /** The configuration file. */
      readonly config: string | undefined;
      /** Whether the settings are only to be looked at, and how that is told. */
      readonly check: 'no' | 'text' | 'json';
    }
  | { readonly kind: 'print'; readonly text: string };

const settings = Object.entries(SETTINGS) as [SettingName, Setting][];

/** Flags that are no settings. */
const OTHERS = [
  new Option(
    '--config <file>',
    `read settings from this file (YAML): each under the name of its flag, and namespaces; flags and variables go before it (${CONFIG_VARIABLE})`,
  ),
  new Option(
    '--check',
    'print all settings, where each comes from, and what is wrong with them or with the files that they name; serve nothing',
  ),
  new Option('--json', 'with --check: as one JSON object'),
];

/**
 * Reads the arguments alone, without node and script.
 * @throws ConfigError
 */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  let printed = '';
  const command = new Command('live-server')
    .description('Gateway between viewers of live rooms (gRPC) and NATS JetStream.')
    .version(VERSION)
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeOut: (text) => (printed += text), writeErr: () => undefined })
    .configureHelp({ helpWidth: 110 });
  const options = settings.map(([name, setting]) => ({ name, option: toOption(setting) }));
  for (const option of OTHERS) command.addOption(option);
  for (const { option } of options) command.addOption(option);
  try {
    command.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'print', text: printed };
    throw new ConfigError(error.message.replace(/^error: /, ''), { cause: error });
  }
  const values = command.opts<Record<string, string | true | undefined>>();
  const texts: Partial<Record<SettingName, string>> = {};
  for (const { name, option } of options) {
    const value = values[option.attributeName()];
    if (value !== undefined) texts[name] = String(value);
  }
  const { config, check, json } = values;
  if (json !== undefined && check === undefined) throw new ConfigError('--json: goes with --check');
  return {
    kind: 'flags',
    texts,
    config: config === undefined ? undefined : String(config),
    check: check === undefined ? 'no' : json === undefined ? 'text' : 'json',
  };
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
