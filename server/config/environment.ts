import type { Setting } from './setting.ts';

/** The environment variable of a setting. */
export const environmentName = ({ flag }: Pick<Setting, 'flag'>): string =>
  `LIVE_${flag.toUpperCase().replaceAll('-', '_')}`;

/** What a variable says; one that is empty counts as not set. */
export function variable(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const text = env[name];
  return text === '' ? undefined : text;
}
