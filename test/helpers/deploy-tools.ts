import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where `test/deploy/setup.sh` has put what the tests in that folder run; undefined: they are not to run. */
const TOOLS = process.env['LIVE_TEST_DEPLOY'];

/** The folder of what is deployed. */
export const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));

/** The path of a tool, or of a folder of them. */
export const tool = (name: string): string => join(TOOLS ?? '', name);

/** `describe`, or where one of the tools is missing `describe.skip`. */
export function whereThereAre(...names: string[]): Mocha.SuiteFunction | Mocha.PendingSuiteFunction {
  return TOOLS !== undefined && names.every((name) => existsSync(tool(name))) ? describe : describe.skip;
}

/** What is in a file that is deployed. */
export const deployed = (name: string): Promise<string> => readFile(join(DEPLOY, name), 'utf8');

/**
 * A text with others in place of some. Each has to be in it: what a test changes of what is documented is to be seen in the test.
 * @throws when one is not
 */
export function replaced(text: string, replacements: Readonly<Record<string, string>>): string {
  let result = text;
  for (const [before, after] of Object.entries(replacements)) {
    if (!result.includes(before)) throw new Error(`it does not have: ${before}`);
    result = result.replaceAll(before, after);
  }
  return result;
}
