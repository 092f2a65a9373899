import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { NODE_ARGUMENTS } from '../../server/process/node-arguments.ts';

describe('arguments of node', () => {
  it('npm start gives a gateway what its workers are given', async () => {
    const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
    const { scripts } = JSON.parse(text) as { scripts: { start: string } };
    assert.ok(scripts.start.includes(`node ${NODE_ARGUMENTS.join(' ')} dist/server/main.js`), scripts.start);
  });
});
