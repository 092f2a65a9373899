import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse, stringify } from 'yaml';
import { SCHEMA_FILE, schemaText } from '../../scripts/configuration-schema.ts';
import { parseConfig } from '../../server/config/config.ts';
import { parseConfigFile } from '../../server/config/file.ts';
import { NAMESPACE_SETTINGS } from '../../server/config/namespace-settings.ts';
import { checkReport } from '../../server/config/report.ts';
import { configSchema } from '../../server/config/schema.ts';
import { SETTINGS } from '../../server/config/settings.ts';

const EXAMPLE = fileURLToPath(new URL('../../deploy/live-server.yaml', import.meta.url));
const DOC = fileURLToPath(new URL('../../docs/configuration.md', import.meta.url));

/** What may stand behind a key, right or wrong. */
const TEXTS = [
  '',
  'a',
  'a b',
  'true',
  'on',
  '5s',
  '1.5h',
  '0s',
  '5',
  '64KiB',
  '1B',
  '10 GiB',
  'unlimited',
  'debug',
].concat([
  '127.0.0.1:80',
  '[::1]:0',
  'https://a.example',
  'nats://a:1',
  'tls://a:1,b:2',
  '10.0.0.0/8',
  '/etc/x',
  'quiz-*',
  '*',
]);
const OTHERS = [
  true,
  false,
  0,
  1,
  2,
  3,
  64,
  65,
  100,
  101,
  65_536,
  2 ** 26,
  1_000_001,
  1.5,
  -1,
  null,
  {},
  { a: 1 },
  [],
  [1],
  ['a'],
  ['a:1', 'b:2'],
];

describe('the schema of configuration files', () => {
  let valid: ValidateFunction;

  before(() => {
    valid = new Ajv2020({ strict: true, strictTypes: false, allowUnionTypes: true }).compile(configSchema());
  });

  it('is what `npm run docs` writes', async () => {
    assert.equal(await readFile(SCHEMA_FILE, 'utf8'), await schemaText());
  });

  const taken = (file: object): boolean => parseConfigFile('f', stringify(file)).problems.length === 0;

  function agree(file: object, value: unknown): void {
    const shown = JSON.stringify(file);
    // Of texts, the gateway asks for more.
    if (typeof value === 'string' || Array.isArray(value)) assert.ok(!taken(file) || valid(file), shown);
    else assert.equal(valid(file), taken(file), shown);
  }

  for (const { flag } of Object.values(SETTINGS))
    it(`takes what the gateway takes for ${flag}`, () => {
      for (const value of [...TEXTS, ...OTHERS]) agree({ [flag]: value }, value);
    });

  for (const key of Object.keys(NAMESPACE_SETTINGS))
    it(`takes what the gateway takes for ${key} of a namespace`, () => {
      for (const value of [...TEXTS, ...OTHERS])
        agree({ namespaces: [{ rooms: 'a', ...{ [key]: value } }] }, value);
    });

  it('takes the types that the gateway takes', () => {
    for (const types of [
      { gift: 'reliable' },
      { gift: 'ephemeral' },
      { like: { class: 'ephemeral' } },
      { like: { class: 'reliable' } },
      { own: 'reliable', other: 'ephemeral' },
      { own: { class: 'reliable', 'moderators-only': true } },
      { own: { class: 'reliable', 'moderators-only': 1 } },
      { own: { 'moderators-only': true } },
      { own: { class: 'stored' } },
      { own: { class: 'reliable', more: 1 } },
      { 'a b': 'reliable' },
      {},
    ])
      agree({ namespaces: [{ rooms: 'a', types }] }, types);
    for (const wrong of [{ colour: 'red' }, { namespaces: [{ types: {} }] }, { namespaces: {} }, []])
      agree(wrong, wrong);
  });

  it('knows the type of each default', () => {
    const { properties } = configSchema() as { properties: Record<string, { default?: unknown }> };
    for (const [flag, { default: fallback }] of Object.entries(properties))
      if (fallback !== undefined) assert.ok(valid({ [flag]: fallback }) && taken({ [flag]: fallback }), flag);
  });

  it('fits the example in deploy/, in which --check finds no problem but files that are not there', async () => {
    const text = await readFile(EXAMPLE, 'utf8');
    assert.match(text, /^# yaml-language-server: \$schema=\.\.\/docs\/live-server\.schema\.json\n/);
    assert.ok(valid(parse(text)), JSON.stringify(valid.errors));
    const checked = parseConfig(['--check', '--config', EXAMPLE], {});
    assert.ok(checked.kind === 'check');
    assert.deepEqual(checked.reading.outcome.kind === 'wrong' && checked.reading.outcome.problems, false);
    const report = checkReport(checked.reading, { problems: [], warnings: [] });
    assert.equal(report.namespaces.length, 3);
  });

  it('fits the example of docs/configuration.md', async () => {
    const [, text = ''] = /```yaml\n([^`]*)```/.exec(await readFile(DOC, 'utf8')) ?? [];
    assert.deepEqual(parseConfigFile('f', text).problems, []);
    assert.ok(valid(parse(text)), JSON.stringify(valid.errors));
  });
});
