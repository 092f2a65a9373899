import type { Parser } from './parsers.ts';

/** One setting of live-server: a flag, an environment variable, its text in the help and how to read it. */
export interface Setting<T = unknown> {
  /** Without dashes: `max-age`, which is also `LIVE_MAX_AGE`. */
  readonly flag: string;
  /** Placeholder of the value in the help; absent for a switch. */
  readonly placeholder?: string;
  readonly help: string;
  /** What a value has to be, in words that follow "takes". */
  readonly takes: string;
  /** As the user would write it; absent: not set. */
  readonly fallback?: string;
  /** Whether another value takes effect when the settings are read again (SIGHUP), and not with a restart only. */
  readonly reloads?: boolean;
  /** Undefined if the text is not what the setting takes. */
  readonly parse: Parser<T>;
}

/** A setting that has a value whatever the user says. */
export interface RequiredSetting<T> extends Setting<T> {
  readonly fallback: string;
}

/** States the type of a setting that has a value whatever the user says. */
export function required<T>(setting: RequiredSetting<T>): RequiredSetting<T> {
  return setting;
}

/** States the type of a setting that may have none. */
export function optional<T>(setting: Setting<T>): Setting<T> {
  return setting;
}
