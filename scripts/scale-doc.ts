import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { scaleTables } from '../bench/scale/tables.ts';

/** What is said of sizes. */
export const SCALE_DOC_FILE = fileURLToPath(new URL('../docs/scale.md', import.meta.url));

/** The document with the tables that the simulation prints, each between two comments that name it. */
export async function scaleDoc(document: string): Promise<string> {
  const text = Object.entries(scaleTables()).reduce((written, [name, table]) => {
    const [begin, end] = [`<!-- ${name}: npm run scale -->`, `<!-- end of ${name} -->`];
    const [from, to] = [written.indexOf(begin), written.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`docs/scale.md has no place for the table ${name}`);
    return `${written.slice(0, from + begin.length)}\n\n${table}\n\n${written.slice(to)}`;
  }, document);
  const style = await resolveConfig(SCALE_DOC_FILE);
  return await format(text, { ...style, parser: 'markdown' });
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await writeFile(SCALE_DOC_FILE, await scaleDoc(await readFile(SCALE_DOC_FILE, 'utf8')));
