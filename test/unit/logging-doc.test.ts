import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { logMessages } from '../helpers/log-messages.ts';

const DOCUMENT = readFileSync(new URL('../../docs/logging.md', import.meta.url), 'utf8');
const ROW = /^\| `([^`]+)` +\| (debug|info|warn|error|fatal) +\|([^|]*)\|/gm;

const documented = new Map(
  [...DOCUMENT.matchAll(ROW)].map(([, text = '', level = '', facts = '']) => [
    text,
    { level, facts: new Set([...facts.matchAll(/`(\w+)`/g)].map(([, name]) => name)) },
  ]),
);

describe('docs/logging.md', () => {
  const messages = logMessages();

  it('has every line that the source writes, and no other', () => {
    assert.ok(messages.length > 60);
    const written = [...new Set(messages.map(({ text }) => text))].sort();
    assert.deepEqual([...documented.keys()].sort(), written);
  });

  it('has their levels', () => {
    const wrong = messages.filter(({ text, level }) => documented.get(text)?.level !== level);
    assert.deepEqual(wrong, []);
  });

  it('has the facts that are written', () => {
    const missing = messages.flatMap(({ text, fields }) =>
      fields
        .filter((field) => documented.get(text)?.facts.has(field) === false)
        .map((field) => [text, field]),
    );
    assert.deepEqual(missing, []);
  });
});
