import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { OPENAPI_FILE, openApiText } from '../../scripts/openapi-doc.ts';

describe('docs/openapi.json', () => {
  it('is what `npm run docs` writes', async () => {
    assert.equal(await readFile(OPENAPI_FILE, 'utf8'), await openApiText());
  });
});
