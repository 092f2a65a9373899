import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { streamDoc, streamDocFile } from '../../scripts/stream-doc.ts';

describe('docs/stream.md', () => {
  it('is what `npm run docs` writes', async () => {
    assert.equal(await readFile(streamDocFile, 'utf8'), await streamDoc());
  });
});
