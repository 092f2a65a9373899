import { isDeepStrictEqual } from 'node:util';
import type { ServerConfig } from './config/config.ts';
import { conflictsOf } from './config/conflicts.ts';
import type { Given, Reading } from './config/reading.ts';
import { ALL_SETTINGS, told } from './config/reading.ts';
import { namedSource } from './config/report.ts';
import type { SettingName } from './config/settings.ts';
import type { LogLevel, ProcessLogger } from './observability/logging.ts';
import { LOG_LEVELS } from './observability/logging.ts';

type GivenSettings = Reading['given'];

/** What holds: the settings, and how they are written. */
export interface Held {
  readonly config: ServerConfig;
  readonly given: GivenSettings;
  readonly namespaces: Reading['namespaces'];
}

/**
 * The settings of a process that serves, which are read again when somebody asks for it: what may change while it runs does, and the log names
 * everything that is written otherwise than before. Where something is wrong, all stays as it was.
 */
export class SettingsReload {
  readonly #read: () => Reading;
  readonly #apply: (config: ServerConfig) => void;
  readonly #logger: ProcessLogger;
  #held: Held;

  /**
   * @param read reads flags, environment and file again
   * @param apply is told what holds from now on
   */
  constructor(held: Held, read: () => Reading, apply: (config: ServerConfig) => void, logger: ProcessLogger) {
    this.#held = held;
    this.#read = read;
    this.#apply = apply;
    this.#logger = logger;
  }

  /** What holds now. */
  get config(): ServerConfig {
    return this.#held.config;
  }

  /** Reads the settings again. */
  reload(): void {
    const reading = this.#read();
    const { outcome } = reading;
    if (outcome.kind === 'wrong') return this.#refuse(outcome.problems);
    const before = this.#held;
    const next = this.#changed(reading, outcome.config);
    const conflicts = conflictsOf(next.config).map(([name, problem]) =>
      told(name, next.given[name], problem),
    );
    if (conflicts.length > 0) return this.#refuse(conflicts);
    this.#held = next;
    this.#apply(next.config);
    this.#logger.level = moreVerbose(before.config.logLevel, next.config.logLevel);
    const changes = [
      ...this.#tellSettings(before, { ...reading, config: outcome.config }),
      ...this.#tellNamespaces(before, next),
    ];
    if (changes.length === 0) this.#logger.info({ file: reading.file }, 'settings are as they were');
    this.#logger.level = next.config.logLevel;
  }

  /** What holds with what was read now. */
  #changed({ given, namespaces }: Reading, config: ServerConfig): Held {
    const changeable = ALL_SETTINGS.filter(([, { reloads }]) => reloads === true).map(([name]) => name);
    const pick = <T extends object>(from: T): Partial<T> =>
      Object.fromEntries(changeable.map((name) => [name, from[name as keyof T]])) as Partial<T>;
    return {
      config: { ...this.#held.config, ...pick(config), namespaces: config.namespaces },
      given: { ...this.#held.given, ...pick(given) },
      namespaces,
    };
  }

  #refuse(problems: readonly string[]): void {
    this.#logger.error({ problems }, 'settings cannot be replaced: the former ones stay');
  }

  /** Says which settings are written otherwise; those that need a restart are named each time. */
  #tellSettings(before: Held, now: Pick<Held, 'config' | 'given'>): SettingName[] {
    const changes = ALL_SETTINGS.filter(
      ([name]) => !isDeepStrictEqual(before.config[name], now.config[name]),
    );
    for (const [name, { flag, reloads }] of changes) {
      const facts = changeOf(flag, before.given[name], now.given[name]);
      if (reloads === true) this.#logger.info(facts, 'setting changed');
      else this.#logger.warn(facts, 'setting changed, which takes effect with a restart only');
    }
    return changes.map(([name]) => name);
  }

  #tellNamespaces(before: Held, now: Held): string[] {
    const [former, latter] = [keysOf(before), keysOf(now)];
    const changes = [...new Set([...former.keys(), ...latter.keys()])].filter(
      (key) => former.get(key)?.text !== latter.get(key)?.text,
    );
    for (const key of changes)
      this.#logger.info(changeOf(key, former.get(key), latter.get(key)), 'setting changed');
    return changes;
  }
}

/** What changes is told by one of the levels, the former or the latter. */
function moreVerbose(...levels: readonly LogLevel[]): LogLevel {
  return LOG_LEVELS.find((level) => levels.includes(level)) ?? 'info';
}

/** Undefined: not set. */
function changeOf(
  setting: string,
  from: Given | undefined,
  to: Given | undefined,
): object & Record<string, unknown> {
  return { setting, from: from?.text, to: to?.text, source: to && namedSource(to.source) };
}

/** Each key of each namespace under a name of its own; and their order, in which they count. */
function keysOf({ namespaces }: Held): Map<string, Given> {
  const keys = namespaces.flatMap(({ namespace, keys }) =>
    keys.map(({ key, value, place }): [string, Given] => [
      `namespaces[${namespace.rooms}].${key}`,
      { text: value, source: { kind: 'file', place } },
    ]),
  );
  const order = namespaces.map(({ namespace }) => namespace.rooms).join(' ');
  const source = { kind: 'file', place: namespaces[0]?.place ?? '' } as const;
  return new Map([...(order === '' ? [] : [['namespaces', { text: order, source }] as const]), ...keys]);
}
