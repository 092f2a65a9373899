import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { openApiDocument } from '../server/transport/api/openapi/document.ts';

/** Where the description of the API over HTTP is kept. */
export const OPENAPI_FILE = fileURLToPath(new URL('../docs/openapi.json', import.meta.url));

/** The description, as it is served at `/v1/openapi.json`. */
export async function openApiText(): Promise<string> {
  const style = await resolveConfig(OPENAPI_FILE);
  return await format(JSON.stringify(openApiDocument), { ...style, parser: 'json' });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(OPENAPI_FILE, await openApiText());
