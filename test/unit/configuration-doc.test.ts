import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { configurationDoc, CONFIGURATION_DOC_FILE } from '../../scripts/configuration-doc.ts';

describe('docs/configuration.md', () => {
  it('is what `npm run docs` writes', async () => {
    assert.equal(await readFile(CONFIGURATION_DOC_FILE, 'utf8'), await configurationDoc());
  });
});
