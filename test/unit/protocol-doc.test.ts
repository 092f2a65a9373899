import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { status } from '@grpc/grpc-js';
import { reasons } from '../../protos/reasons.ts';

describe('docs/protocol.md', () => {
  it('has every reason with its status', async () => {
    const text = await readFile(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
    const rows = [...text.matchAll(/^\| `([A-Z_]+)` +\| ([A-Z_]+) +\|/gm)].map(([, reason, code]) => [
      reason,
      code,
    ]);
    const known = Object.entries(reasons).map(([reason, { code }]) => [reason, status[code]]);
    assert.deepEqual(rows.sort(), known.sort());
  });
});
