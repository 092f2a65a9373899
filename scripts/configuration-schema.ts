import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { configSchema } from '../server/config/schema.ts';

/** Where the schema of configuration files is kept; the package has it, too. */
export const SCHEMA_FILE = fileURLToPath(new URL('../docs/live-server.schema.json', import.meta.url));

/** The schema, from the table that also drives flags, environment and file. */
export async function schemaText(): Promise<string> {
  const style = await resolveConfig(SCHEMA_FILE);
  return await format(JSON.stringify(configSchema()), { ...style, parser: 'json' });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(SCHEMA_FILE, await schemaText());
