import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { environmentName } from '../server/config/config.ts';
import type { Setting } from '../server/config/setting.ts';
import { SETTINGS } from '../server/config/settings.ts';

/** Where the reference of settings is kept. */
export const CONFIGURATION_DOC_FILE = fileURLToPath(new URL('../docs/configuration.md', import.meta.url));

/** The reference of all settings, in Markdown, from the table that also drives flags, environment and help. */
export async function configurationDoc(): Promise<string> {
  const rows = Object.values<Setting>(SETTINGS).map((setting) =>
    [
      `\`--${setting.flag}\``,
      `\`${environmentName(setting)}\``,
      setting.fallback === undefined ? '' : `\`${setting.fallback}\``,
      setting.help,
      setting.takes,
    ].join(' | '),
  );
  const text = `# Configuration of live-server

Written by \`npm run docs\` from \`server/config/*-settings.ts\`. A flag beats its environment variable, which beats
the default; an empty variable counts as not set. A wrong value is answered with the setting and what it takes.

Flag | Variable | Default | Meaning | Takes
--- | --- | --- | --- | ---
${rows.join('\n')}
`;
  const style = await resolveConfig(CONFIGURATION_DOC_FILE);
  return await format(text, { ...style, parser: 'markdown' });
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await writeFile(CONFIGURATION_DOC_FILE, await configurationDoc());
