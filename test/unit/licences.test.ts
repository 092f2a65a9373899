import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** Those that let a program be distributed with the package under its own licence, as SPDX names them. */
const PERMISSIVE = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'Unlicense']);

interface Locked {
  readonly license?: string;
  readonly dev?: true;
}

/** Whether an SPDX expression, of the kinds that are in use here, can be met with permissive licences alone. */
function isPermissive(expression: string): boolean {
  return expression
    .replace(/^\((.*)\)$/, '$1')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((licence) => PERMISSIVE.has(licence)));
}

describe('the packages that are shipped', () => {
  it('have licences that allow it', () => {
    const file = new URL('../../package-lock.json', import.meta.url);
    const { packages } = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Locked> };
    const shipped = Object.entries(packages).filter(([, { dev }]) => dev !== true);
    assert.ok(shipped.length > 50);
    const others = shipped.filter(([, { license = 'none' }]) => !isPermissive(license));
    assert.deepEqual(others, []);
  });

  it('would not if a licence asked for more', () => {
    const verdicts = ['MIT', '(MIT OR GPL-3.0-only)', 'MIT AND GPL-3.0-only', 'GPL-3.0-only', 'none'].map(
      isPermissive,
    );
    assert.deepEqual(verdicts, [true, true, false, false, false]);
  });
});
