import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../common/errors.ts';
import { configDirectory } from '../directories.ts';
import type { ConnectionTexts } from './options.ts';
import { CONNECTION_OPTIONS, connectionOptionNames } from './options.ts';

const NAME_RULE = '1 to 64 letters, digits, "_", "-" or ".", and does not begin with "."';

/** Ways to reach gateways that were given a name: a file each, which only its owner may read. */
export class Contexts {
  readonly #directory: string;
  /** Holds the name of the one that is used unless another is asked for. */
  readonly #selection: string;

  constructor(env: NodeJS.ProcessEnv = process.env) {
    this.#directory = join(configDirectory(env), 'contexts');
    this.#selection = join(configDirectory(env), 'context');
  }

  /** The names, sorted. */
  get names(): string[] {
    const files = unlessAbsent(() => readdirSync(this.#directory)) ?? [];
    return files.flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -5)] : [])).sort();
  }

  /** The one that was selected; undefined: none is. */
  get selected(): string | undefined {
    const name = unlessAbsent(() => readFileSync(this.#selection, 'utf8'))?.trim();
    return name === '' ? undefined : name;
  }

  /** @throws UsageError if there is none of this name, or its file makes no sense */
  load(name: string): ConnectionTexts {
    const text = unlessAbsent(() => readFileSync(this.#file(name), 'utf8'));
    if (text === undefined)
      throw new UsageError(`there is no context ${name}: live-cli context ls lists them`);
    return parse(text, this.#file(name));
  }

  /** Writes it over, if it is there. */
  save(name: string, texts: ConnectionTexts): void {
    const file = this.#file(name);
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    // Renamed into its place: nobody finds half of it, and one that was open to others no longer is.
    writeFileSync(`${file}.new`, `${JSON.stringify(texts, undefined, 2)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  /** @throws UsageError if there is none of this name */
  select(name: string): void {
    this.load(name);
    writeFileSync(this.#selection, `${name}\n`, { mode: 0o600 });
  }

  /** None is used unless it is asked for. */
  deselect(): void {
    rmSync(this.#selection, { force: true });
  }

  /** @throws UsageError if there is none of this name */
  remove(name: string): void {
    if (!this.names.includes(name)) this.load(name);
    rmSync(this.#file(name));
    if (this.selected === name) this.deselect();
  }

  #file(name: string): string {
    if (!/^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$/.test(name))
      throw new UsageError(`the name of a context is ${NAME_RULE}`);
    return join(this.#directory, `${name}.json`);
  }
}

function parse(text: string, file: string): ConnectionTexts {
  const wrong = (problem: string): UsageError => new UsageError(`${file}: ${problem}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw wrong((cause as Error).message);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong('it is no JSON object');
  for (const [key, entry] of Object.entries(value)) {
    if (!(key in CONNECTION_OPTIONS)) throw wrong(`"${key}" is none of ${connectionOptionNames.join(', ')}`);
    if (typeof entry !== 'string') throw wrong(`"${key}" is no string`);
  }
  return value;
}

function unlessAbsent<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
