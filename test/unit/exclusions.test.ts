import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EXCLUSION_KINDS, excludedBy, exclusionKey } from '../../server/auth/exclusion-key.ts';
import { encodeTerm, parseTerm } from '../../server/auth/exclusion-term.ts';
import { Exclusions } from '../../server/auth/exclusions.ts';
import { TokenError } from '../../server/auth/token-error.ts';
import type { BucketEntry } from '../../server/upstream/bucket.ts';
import { createLogger } from '../../server/observability/logging.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

/** What the NATS client takes as a key (`validKeyRe` of its `kv.js`), and the length that a server takes of a subject. */
const KEY_PATTERN = /^[-/=.\w]{1,400}$/;

describe('the key of who is excluded', () => {
  it('is the name, where that can be; of every other name one that every client of NATS takes', () => {
    assert.equal(exclusionKey({ kind: 'ban', name: 'ann_B-7' }), 'ban.ann_B-7');
    assert.equal(exclusionKey({ kind: 'ban', name: 'ann@example.com' }), 'ban.=YW5uQGV4YW1wbGUuY29t');
    assert.equal(exclusionKey({ kind: 'token', name: '7' }), 'token.7');
  });

  it('names whom it is made of, and nobody else', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...EXCLUSION_KINDS),
        fc.string({ minLength: 1, maxLength: 64 }),
        (kind, name) => {
          fc.pre(Buffer.from(name).toString() === name);
          const key = exclusionKey({ kind, name });
          assert.match(key, KEY_PATTERN);
          assert.deepEqual(excludedBy(key), { kind, name });
        },
      ),
    );
  });

  it('is not taken for another one: an entry that says nothing would seem to exclude somebody', () => {
    for (const key of ['ban', 'ban.', 'kick.ann', 'ban.ann.x', 'ban.=YW5u', 'ban.=', 'ban.ann@', 'ban.=!!'])
      assert.equal(excludedBy(key), undefined, key);
  });
});

describe('for how long somebody is excluded', () => {
  it('is read as it is written', () => {
    const until = '2026-12-31T23:59:59.000Z';
    assert.deepEqual(parseTerm(encodeTerm({ until, reason: 'spam', by: 'mod' })), {
      untilMs: Date.parse(until),
      reason: 'spam',
    });
    for (const value of [
      encodeTerm({ until: undefined, reason: '', by: 'mod' }),
      '',
      ' \n',
      '{}',
      '{"until":null}',
    ])
      assert.deepEqual(parseTerm(value), { untilMs: Infinity, reason: '' }, value);
  });

  it('is not guessed', () => {
    for (const value of ['x', '7', '[]', 'null', '{"until":7}', '{"until":"soon"}', '{"reason":7}'])
      assert.throws(() => parseTerm(value), Error, value);
  });
});

describe('who is excluded', () => {
  let clock: ManualClock;
  let exclusions: Exclusions;
  let logged: string[];
  let told: string[][];

  beforeEach(() => {
    clock = new ManualClock();
    logged = [];
    told = [];
    exclusions = new Exclusions(clock, createLogger('debug', { write: (line) => void logged.push(line) }));
    exclusions.onChange((disconnected) => told.push([...disconnected]));
  });

  const entry = (key: string, value: string | undefined = '', revision = 1): BucketEntry => ({
    key,
    value,
    revision,
  });
  const reasonFor = (user: string, tokenId?: string): string => {
    try {
      exclusions.require({ user, tokenId });
      return 'none';
    } catch (error) {
      return error instanceof TokenError ? error.reason : String(error);
    }
  };

  it('is who the bucket names, until it does no longer', () => {
    exclusions.replaced([entry('ban.ann'), entry('token.t')]);
    assert.deepEqual(
      [reasonFor('ann'), reasonFor('bob'), reasonFor('bob', 't')],
      ['USER_BANNED', 'none', 'TOKEN_REVOKED'],
    );
    exclusions.changed([{ key: 'ban.ann', revision: 3, value: undefined }]);
    assert.equal(reasonFor('ann'), 'none');
    exclusions.replaced([]);
    assert.equal(reasonFor('bob', 't'), 'none');
    assert.equal(exclusions.count, 0);
  });

  it('is so until the time is over', () => {
    const until = new Date(clock.wallMs() + 60_000).toISOString();
    exclusions.changed([entry('ban.ann', JSON.stringify({ until }))]);
    clock.advance(59_999);
    assert.equal(reasonFor('ann'), 'USER_BANNED');
    clock.advance(1);
    assert.equal(reasonFor('ann'), 'none');
  });

  it('is so for good if somebody has written nonsense, and the log says so', () => {
    exclusions.changed([entry('ban.ann', '{"until":"tomorrow"}')]);
    clock.advance(1e12);
    assert.equal(reasonFor('ann'), 'USER_BANNED');
    assert.match(logged.join(''), /ban\.ann.*makes no sense: taken as for good/);
  });

  it('is told once of each disconnect, and not again of those that were known', () => {
    exclusions.changed([entry('disconnect.ann', '', 1)]);
    exclusions.changed([entry('ban.bob', '', 2)]);
    exclusions.replaced([entry('disconnect.ann', '', 1), entry('ban.bob', '', 2)]);
    exclusions.changed([entry('disconnect.ann', '', 3)]);
    exclusions.replaced([entry('disconnect.ann', '', 3), entry('disconnect.bob', '', 4)]);
    assert.deepEqual(told, [['ann'], [], [], ['ann'], ['bob']]);
    assert.equal(reasonFor('ann'), 'none', 'a disconnect keeps nobody out');
  });

  it('is nobody by a key that makes no sense, and the log says so', () => {
    exclusions.replaced([entry('ann')]);
    assert.equal(exclusions.count, 0);
    assert.match(logged.join(''), /"key":"ann".*excludes nobody/);
  });
});
