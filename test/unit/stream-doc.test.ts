import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { streamDoc, STREAM_DOC_FILE } from '../../scripts/stream-doc.ts';

describe('docs/stream.md', () => {
  it('is what `npm run docs` writes', async () => {
    assert.equal(await readFile(STREAM_DOC_FILE, 'utf8'), await streamDoc());
  });
});
