import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

const CONTRACT = new URL('../../protos/live/v1/live.proto', import.meta.url);

describe('the contract', () => {
  it('has no two enum values of one name: compilers put those of all enums into one scope', async () => {
    const text = await readFile(CONTRACT, 'utf8');
    const enums = [...text.matchAll(/^enum \w+ \{(.*?)^\}/gms)];
    const names = enums.flatMap(([, body = '']) =>
      [...body.matchAll(/^ {2}(\w+) = \d+;/gm)].map(([, name]) => name),
    );
    assert.ok(enums.length >= 5 && names.length >= 40, `${enums.length} enums, ${names.length} values`);
    assert.deepEqual(
      names.filter((name, index) => names.indexOf(name) < index),
      [],
    );
  });
});
