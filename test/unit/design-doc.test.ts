import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

const ROOT = new URL('../../', import.meta.url);

describe('docs/design.md', () => {
  it('names files that exist', async () => {
    const text = await readFile(new URL('docs/design.md', ROOT), 'utf8');
    const named = [...text.matchAll(/`((?:[a-z-]+\/)+[a-z0-9-]+(?:\.test)?\.(?:ts|js|proto))`/g)].map(
      ([, path = '']) => path,
    );
    assert.ok(named.length > 50, `${named.length} files`);
    const missing = named.filter(
      (path) => !existsSync(new URL(path, ROOT)) && !existsSync(new URL(`server/${path}`, ROOT)),
    );
    assert.deepEqual(missing, []);
  });
});
