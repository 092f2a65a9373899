import type { CommandLine } from './command-line.ts';
import { CONFIG_VARIABLE } from './command-line.ts';
import { conflictsOf } from './conflicts.ts';
import { environmentName, variable } from './environment.ts';
import type { ConfigFile } from './file.ts';
import { NO_FILE, readConfigFile } from './file.ts';
import type { WrittenNamespace } from './namespaces.ts';
import type { Setting } from './setting.ts';
import type { ServerConfig, SettingName } from './settings.ts';
import { SETTINGS } from './settings.ts';

/** Where a setting's value comes from. */
export type Source =
  | { readonly kind: 'flag' }
  | { readonly kind: 'environment'; readonly variable: string }
  /** `file:line:column`. */
  | { readonly kind: 'file'; readonly place: string }
  | { readonly kind: 'default' };

/** A setting as it is written, and where. */
export interface Given {
  readonly text: string;
  readonly source: Source;
}

/** All that was read: what holds, where each part comes from, and what is wrong. */
export interface Reading {
  readonly file: string | undefined;
  /** Settings that have a value. */
  readonly given: Readonly<Partial<Record<SettingName, Given>>>;
  readonly namespaces: readonly WrittenNamespace[];
  readonly outcome:
    | { readonly kind: 'right'; readonly config: ServerConfig }
    /** The problems, a line each, and what is right all the same. */
    | {
        readonly kind: 'wrong';
        readonly problems: readonly string[];
        readonly values: Partial<ServerConfig>;
      };
}

type Flags = Extract<CommandLine, { kind: 'flags' }>;

/** Every setting, in the order of the help. */
export const ALL_SETTINGS = Object.entries(SETTINGS) as [SettingName, Setting][];

/**
 * Reads what flags, environment and configuration file say: the first that says something of a setting counts. What is wrong in a variable that a
 * flag goes before does not matter; a file has to be right as a whole.
 */
export function readSettings(
  { texts, config }: Pick<Flags, 'texts' | 'config'>,
  env: NodeJS.ProcessEnv,
): Reading {
  const path = config ?? variable(env, CONFIG_VARIABLE);
  const file = path === undefined ? NO_FILE : readConfigFile(path);
  const given: Partial<Record<SettingName, Given>> = {};
  const values: Partial<Record<SettingName, unknown>> = {};
  const problems = [...file.problems];
  for (const [name, setting] of ALL_SETTINGS) {
    const found = find(name, setting, { texts, env, file });
    if (found === undefined) continue;
    given[name] = found;
    const value = setting.parse(found.text);
    if (value === undefined) problems.push(told(name, found, `is not accepted; it takes ${setting.takes}`));
    else values[name] = value;
  }
  const { namespaces } = file;
  const read = {
    ...(values as ServerConfig),
    namespaces: namespaces.map(({ namespace }) => namespace),
  };
  if (problems.length === 0)
    for (const [name, problem] of conflictsOf(read)) problems.push(told(name, given[name], problem));
  return {
    file: path,
    given,
    namespaces,
    outcome:
      problems.length === 0 ? { kind: 'right', config: read } : { kind: 'wrong', problems, values: read },
  };
}

function find(
  name: SettingName,
  setting: Setting,
  { texts, env, file }: Pick<Flags, 'texts'> & { readonly env: NodeJS.ProcessEnv; readonly file: ConfigFile },
): Given | undefined {
  const flag = texts[name];
  if (flag !== undefined) return { text: flag, source: { kind: 'flag' } };
  const text = variable(env, environmentName(setting));
  if (text !== undefined)
    return { text, source: { kind: 'environment', variable: environmentName(setting) } };
  const written = file.settings[name];
  if (written !== undefined) return { text: written.value, source: { kind: 'file', place: written.place } };
  const { fallback } = setting;
  return fallback === undefined ? undefined : { text: fallback, source: { kind: 'default' } };
}

/** What is wrong with a value, in words that follow it. */
export function told(name: SettingName, given: Given | undefined, problem: string): string {
  const setting = SETTINGS[name];
  const where =
    given?.source.kind === 'file'
      ? `${given.source.place}: ${setting.flag}`
      : `--${setting.flag} (${environmentName(setting)})`;
  return `${where}: ${JSON.stringify(given?.text)} ${problem}`;
}
