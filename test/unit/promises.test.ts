import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';

const TESTS = new URL('../', import.meta.url);
const PROMISES = ['Ordered', 'Unique', 'Reliable', 'Resumable', 'Bookmarked', 'Isolated'] as const;

/** The promises that the first suite of a file names; one for each transport is within a loop. */
function promisesIn(source: string): string[] {
  const [, named = ''] =
    /^(?:for \(.*transports.*\n {2})?describe\(['`]([A-Z][a-z]+(?:, [A-Z][a-z]+)*): /m.exec(source) ?? [];
  return named.split(', ').filter((name) => PROMISES.some((promise) => promise === name));
}

/** The files that test/README.md lists under each promise. */
function listed(readme: string): Map<string, string[]> {
  const sections = readme.split(/^### /m).slice(1);
  return new Map(
    sections.map((section) => {
      const [title = ''] = section.split('\n', 1);
      return [title, [...section.matchAll(/\]\((\S+\.test\.ts)\)/g)].map(([, file = '']) => file).sort()];
    }),
  );
}

describe('test/README.md', () => {
  it('lists for each promise the suites that name it, and no others', async () => {
    const index = listed(await readFile(new URL('README.md', TESTS), 'utf8'));
    assert.deepEqual([...index.keys()], PROMISES);
    const found = new Map<string, string[]>(PROMISES.map((promise) => [promise, []]));
    for (const folder of ['browser', 'fuzz', 'integration', 'long', 'property', 'unit']) {
      for (const name of await readdir(new URL(folder, TESTS))) {
        const file = `${folder}/${name}`;
        if (!file.endsWith('.test.ts')) continue;
        const source = await readFile(new URL(file, TESTS), 'utf8');
        for (const promise of promisesIn(source)) found.get(promise)?.push(file);
      }
    }
    assert.deepEqual(
      Object.fromEntries(index),
      Object.fromEntries([...found].map(([key, files]) => [key, files.sort()])),
    );
  });
});
