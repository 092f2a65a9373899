import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { configurationDoc, configurationDocFile } from '../../scripts/configuration-doc.ts';

describe('docs/configuration.md', () => {
  it('is what `npm run docs` writes', async () => {
    assert.equal(await readFile(configurationDocFile, 'utf8'), await configurationDoc());
  });
});
