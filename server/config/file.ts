import { readFileSync } from 'node:fs';
import type { Setting } from './setting.ts';
import type { SettingName } from './settings.ts';
import { SETTINGS } from './settings.ts';
import type { WrittenNamespace } from './namespaces.ts';
import { NAMESPACES, readNamespaces } from './namespaces.ts';
import type { WrittenValue } from './yaml-source.ts';
import { YamlSource } from './yaml-source.ts';

/** What a configuration file says. */
export interface ConfigFile {
  /** Settings as they would be written in flags. */
  readonly settings: Readonly<Partial<Record<SettingName, WrittenValue>>>;
  readonly namespaces: readonly WrittenNamespace[];
  /** What is wrong with it, a line each. */
  readonly problems: readonly string[];
}

/** Where there is no file. */
export const NO_FILE: ConfigFile = { settings: {}, namespaces: [], problems: [] };

/** Reads a configuration file; that it cannot be read is a problem, too. */
export function readConfigFile(file: string): ConfigFile {
  try {
    return parseConfigFile(file, readFileSync(file, 'utf8'));
  } catch (error) {
    return { ...NO_FILE, problems: [`${file}: cannot be read: ${(error as Error).message}`] };
  }
}

const BY_FLAG = new Map(
  (Object.entries(SETTINGS) as [SettingName, Setting][]).map(([name, { flag }]) => [flag, name]),
);

/** The same of its text. */
export function parseConfigFile(file: string, text: string): ConfigFile {
  const source = new YamlSource(file, text);
  // What cannot be read would be told once more, as something else.
  if (source.problems.length > 0 || source.root === null) return { ...NO_FILE, problems: source.problems };
  const map = source.map(source.root, source.placeOf(source.root), 'the file', 'settings and their values');
  if (map === undefined) return { ...NO_FILE, problems: source.problems };
  const settings: Partial<Record<SettingName, WrittenValue>> = {};
  let namespaces: readonly WrittenNamespace[] = [];
  for (const field of source.fields(map, [...BY_FLAG.keys(), NAMESPACES.key], 'a setting')) {
    const name = BY_FLAG.get(field.key);
    if (name === undefined) {
      namespaces = readNamespaces(source, field);
      continue;
    }
    const written = source.written(field, SETTINGS[name]);
    if (written !== undefined) settings[name] = written;
  }
  return { settings, namespaces, problems: source.problems };
}
