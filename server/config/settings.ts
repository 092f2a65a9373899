import { ACCESS_SETTINGS } from './access-settings.ts';
import type { Namespace } from '../policy/namespace.ts';
import { NATS_SETTINGS } from './nats-settings.ts';
import { SERVING_SETTINGS } from './serving-settings.ts';
import type { RequiredSetting, Setting } from './setting.ts';

/** Every setting, in the order of the help. */
export const SETTINGS = { ...ACCESS_SETTINGS, ...NATS_SETTINGS, ...SERVING_SETTINGS };

type Settings = typeof SETTINGS;

/** The name of a setting in the configuration object. */
export type SettingName = keyof Settings;

type ValueOf<S> = S extends RequiredSetting<infer T> ? T : S extends Setting<infer T> ? T | undefined : never;

/** The configuration of one live-server. Durations are in milliseconds, sizes in bytes. */
export type ServerConfig = { readonly [Name in SettingName]: ValueOf<Settings[Name]> } & {
  /** What holds in some rooms; of those that a name fits the first counts. In the configuration file only. */
  readonly namespaces: readonly Namespace[];
};
