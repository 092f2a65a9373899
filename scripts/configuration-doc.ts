import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { environmentName } from '../server/config/config.ts';
import { NAMESPACE_SETTINGS, TYPE_SETTINGS, TYPES } from '../server/config/namespace-settings.ts';
import type { Setting } from '../server/config/setting.ts';
import { SETTINGS } from '../server/config/settings.ts';

/** Where the reference of settings is kept. */
export const CONFIGURATION_DOC_FILE = fileURLToPath(new URL('../docs/configuration.md', import.meta.url));

/** The reference of all settings, in Markdown, from the table that also drives flags, environment, file and help. */
export async function configurationDoc(): Promise<string> {
  const text = `# Configuration of live-server

Written by \`npm run docs\` from \`server/config/*-settings.ts\`. A flag beats its environment variable, which beats the
[configuration file](#the-configuration-file), which beats the default; an empty variable counts as not set. A wrong value is answered with the
setting and what it takes. With \`--config FILE\`, settings marked "yes" under _SIGHUP_ take effect when the file is read again, the others with a restart.

Flag | Variable | Default | SIGHUP | Meaning | Takes
--- | --- | --- | --- | --- | ---
${Object.values<Setting>(SETTINGS).map(settingRow).join('\n')}

${FILE}

## Namespaces

Only in the file: \`namespaces\` is a list, each entry of which says in \`rooms\` which rooms it is about. **The first that a room's name fits counts, and
no other.** A room that fits none is as if there were no namespaces. They hold for whoever comes by the gateway, whichever way; messages that backends publish
with a NATS client are delivered as they are.

Key | Meaning | Takes
--- | --- | ---
${namespaceRows().join('\n')}

What is refused has the [reasons](protocol.md) that the table names, \`CLASS_CONFLICT\` for another class than that of the type. Types that are known by name keep their class. The client library and \`live-cli\` are given the class of other types all the same: they have to know whether to send a message again when a connection is lost. A
room's name is enough to say what holds there: nothing is stored of it, and with other namespaces (SIGHUP) other things hold at once, for what is asked from then on.

The history that is offered saves load, it keeps no secrets: a cursor or sequence (\`after_seq\` of \`Pull\`) is served whatever it names.
`;
  const style = await resolveConfig(CONFIGURATION_DOC_FILE);
  return await format(text, { ...style, parser: 'markdown' });
}

const FILE = `## The configuration file

\`--config FILE\`, or \`LIVE_CONFIG\`: YAML (or JSON) with one key for each setting, under the name of its flag. [deploy/live-server.yaml](../deploy/live-server.yaml) is an example.

\`\`\`yaml
# yaml-language-server: $schema=node_modules/live-gateway/docs/live-server.schema.json
listen: 0.0.0.0:50051
jwt-secret-file: /etc/live-gateway/secret
nats: [nats://n1:4222, nats://n2:4222]
replicas: 3
workers: 4
publish-rate: 20
namespaces:
  - rooms: quiz-*
    types:
      answer: ephemeral
      poll_open: { class: reliable, moderators-only: true }
    user-publish-rate: 2
    history-messages: 100
\`\`\`

- Numbers stand without quotes, \`true\` and \`false\`, too; what takes several values, separated by commas, takes a list as well. Paths are relative to the directory in which the
  gateway is started. Variables are not replaced in it.
- A key that is not known, given twice or of the wrong type, and a value that is not taken, is answered with its place (\`file:line:column\`), all at once; nothing is started then. A file has to be
  right as a whole, also where a flag goes before what it says.
- Editors complete and check it with [live-server.schema.json](live-server.schema.json), which the package has, too (JSON Schema, draft 2020-12).

**\`live-server --check\`** reads flags, variables, the file, and the files that settings name (certificates, keys, credentials, the audit log), prints every setting with its value and where
that comes from, then what is wrong, and serves nothing. It ends with 0, or with 2 if there is a problem. That an issuer (\`--jwks-url\`) does not answer is a warning; NATS is not asked. Credentials in addresses
are not printed. \`--json\` tells the same as one object: \`ok\`, \`file\`, \`settings\` and \`namespaces\` (\`setting\`, \`value\`, \`from\`), \`problems\`, \`warnings\`.

**SIGHUP** has the file read again, by all workers. Each setting that has changed is a line of the log with its former and its new value; those that need a restart are named in warnings, each
time. If anything is wrong, everything stays as it was, and the log says what is wrong (\`settings cannot be replaced\`). The certificates are looked at in any case.`;

function settingRow(setting: Setting): string {
  return [
    `\`--${setting.flag}\``,
    `\`${environmentName(setting)}\``,
    setting.fallback === undefined ? '' : `\`${setting.fallback}\``,
    setting.reloads === true ? 'yes' : '',
    setting.help,
    setting.takes,
  ].join(' | ');
}

function namespaceRows(): string[] {
  const { rooms, ...others } = NAMESPACE_SETTINGS;
  const all = {
    rooms,
    types: TYPES,
    'types.NAME.class': TYPE_SETTINGS.class,
    'types.NAME.moderators-only': TYPE_SETTINGS['moderators-only'],
    ...others,
  };
  return Object.entries(all).map(([key, { help, takes }]) => `\`${key}\` | ${help} | ${escaped(takes)}`);
}

/** A star is a star. */
const escaped = (text: string): string => text.replaceAll('*', '\\*');

if (process.argv[1] === fileURLToPath(import.meta.url))
  await writeFile(CONFIGURATION_DOC_FILE, await configurationDoc());
