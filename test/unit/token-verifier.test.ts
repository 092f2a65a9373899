import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { systemClock } from '../../common/clock.ts';
import type { Grant } from '../../server/auth/grant.ts';
import type { KeySource } from '../../server/auth/key-source.ts';
import { publicKey, secretKey } from '../../server/auth/key-source.ts';
import { TokenVerifier } from '../../server/auth/token-verifier.ts';
import { encoded, inSeconds, newSigner, SECRET, token } from '../helpers/tokens.ts';

const ISSUER = 'https://issuer.example';
const AUDIENCE = 'live-gateway';

describe('tokens', () => {
  const verifier = (keys: KeySource = secretKey(Buffer.from(SECRET))): TokenVerifier =>
    new TokenVerifier(keys, { issuer: ISSUER, audience: AUDIENCE, leewayMs: 30_000 }, systemClock);
  const good = { sub: 'ann', iss: ISSUER, aud: AUDIENCE, exp: inSeconds(600) };
  const verify = (text: string | undefined): Promise<Grant> => verifier().verify(text);

  it('name their user, and until when they are valid', async () => {
    const grant = await verify(token({ ...good, jti: 'id-1' }));
    assert.deepEqual([grant.user, grant.tokenId, grant.expiresAtMs], ['ann', 'id-1', good.exp * 1_000]);
  });

  it('are taken for one audience of several, and within the leeway of clocks', async () => {
    await verify(token({ ...good, aud: ['other', AUDIENCE] }));
    await verify(token({ ...good, exp: inSeconds(-20), nbf: inSeconds(20), iat: inSeconds(20) }));
  });

  it('never end if they do not say when', async () => {
    const { exp: _, ...endless } = good;
    assert.equal((await verify(token(endless))).expiresAtMs, Infinity);
  });

  describe('are refused by name', () => {
    const [header, payload] = [{ alg: 'HS256', typ: 'JWT' }, encoded(good)];
    const refusals: readonly (readonly [
      what: string,
      text: string | undefined,
      reason: string,
      says: RegExp,
    ])[] = [
      ['none', undefined, 'TOKEN_MISSING', /Bearer/],
      ['an empty one', '', 'TOKEN_MISSING', /Bearer/],
      ['expired', token({ ...good, exp: inSeconds(-60) }), 'TOKEN_EXPIRED', /expired at 20.*new one/],
      ['not yet valid', token({ ...good, nbf: inSeconds(600) }), 'TOKEN_NOT_YET_VALID', /valid from 20/],
      [
        'signed with another secret',
        token(good, 'another secret, as long as ours is'),
        'TOKEN_INVALID',
        /signature/,
      ],
      [
        'for another audience',
        token({ ...good, aud: 'other' }),
        'TOKEN_INVALID',
        /audience \(aud\) is not live-gateway/,
      ],
      ['of another issuer', token({ ...good, iss: 'other' }), 'TOKEN_INVALID', /issuer \(iss\)/],
      ['without an audience', token({ ...good, aud: undefined }), 'TOKEN_INVALID', /aud/],
      [
        'alg none',
        `${encoded({ ...header, alg: 'none' })}.${payload}.`,
        'TOKEN_INVALID',
        /another algorithm than HS256/,
      ],
      [
        'alg None',
        `${encoded({ ...header, alg: 'None' })}.${payload}.`,
        'TOKEN_INVALID',
        /another algorithm than HS256/,
      ],
      [
        'of another algorithm',
        token(good, newSigner('RS256')),
        'TOKEN_INVALID',
        /another algorithm than HS256/,
      ],
      ['without a signature', `${encoded(header)}.${payload}.`, 'TOKEN_INVALID', /signature/],
      [
        'altered',
        token(good).replace(payload, encoded({ ...good, sub: 'bob' })),
        'TOKEN_INVALID',
        /signature/,
      ],
      ['two parts of one', `${encoded(header)}.${payload}`, 'TOKEN_INVALID', /no signed JSON Web Token/],
      ['something else', 'Basic dXNlcjpwYXNz', 'TOKEN_INVALID', /no signed JSON Web Token/],
      ['oversized', token({ ...good, more: 'x'.repeat(8_000) }), 'TOKEN_INVALID', /at most 8192/],
      [
        'with a critical extension',
        `${encoded({ ...header, crit: ['x'], x: 1 })}.${payload}.x`,
        'TOKEN_INVALID',
        /JSON Web Token/,
      ],
      ['without a user', token({ ...good, sub: undefined }), 'TOKEN_INVALID', /claim sub/],
      ['with a user in control characters', token({ ...good, sub: 'a\nb' }), 'TOKEN_INVALID', /claim sub/],
      ['with a time that is none', token({ ...good, exp: 'soon' }), 'TOKEN_INVALID', /claim exp/],
      [
        'valid from a time that no calendar has',
        token({ ...good, nbf: 1e18 }),
        'TOKEN_NOT_YET_VALID',
        /valid from second 1000000000000000000/,
      ],
      ['expired at a time that no calendar has', token({ ...good, exp: -1e18 }), 'TOKEN_EXPIRED', /expired/],
      ['with a user that is no text', token({ ...good, sub: 7 }), 'TOKEN_INVALID', /claim sub/],
      [
        'with a user that others see as another',
        token({ ...good, sub: ' ann' }),
        'TOKEN_INVALID',
        /claim sub/,
      ],
      [
        'with a user that is half a character',
        token({ ...good, sub: 'a\ud800' }),
        'TOKEN_INVALID',
        /claim sub/,
      ],
      ['with rooms that are no list', token({ ...good, rooms: 'lobby' }), 'TOKEN_INVALID', /claim rooms/],
      ['with a pattern that is none', token({ ...good, rooms: ['a*b*'] }), 'TOKEN_INVALID', /claim rooms/],
      ['with grants that are none', token({ ...good, grants: [7] }), 'TOKEN_INVALID', /claim grants/],
    ];
    for (const [what, text, reason, says] of refusals) {
      it(what, () => assert.rejects(verify(text), { reason, message: says }));
    }
  });

  it('tell nothing of our keys', async () => {
    const error: unknown = await verify(token(good, 'another secret, as long as ours is')).catch(
      (caught: unknown) => caught,
    );
    assert.ok(error instanceof Error);
    assert.doesNotMatch(error.message, new RegExp(SECRET));
  });

  for (const algorithm of ['RS256', 'ES256', 'EdDSA'] as const) {
    it(`are verified with a public key: ${algorithm}, as PEM and as JWK`, async () => {
      const signer = newSigner(algorithm);
      const pem = signer.publicKey.export({ type: 'spki', format: 'pem' }).toString();
      const jwk = JSON.stringify(signer.publicKey.export({ format: 'jwk' }));
      for (const text of [pem, jwk]) {
        const keyed = verifier(publicKey(text));
        assert.equal((await keyed.verify(token(good, signer))).user, 'ann');
        // A public key is known to everybody: it must not be taken for a secret.
        await assert.rejects(keyed.verify(token(good, pem)), {
          reason: 'TOKEN_INVALID',
          message: /another algorithm/,
        });
        await assert.rejects(keyed.verify(token(good, newSigner(algorithm))), { message: /signature/ });
      }
    });
  }

  it('are not verified with a secret that can be guessed, or a key of another kind', () => {
    assert.throws(() => secretKey(Buffer.from('secret')), /can be guessed.*32/);
    assert.throws(() => publicKey('no key'));
    const { publicKey: weak } = generateKeyPairSync('rsa', { modulusLength: 1_024 });
    assert.throws(
      () => publicKey(weak.export({ type: 'spki', format: 'pem' }).toString()),
      /1024 bits.*2048/,
    );
  });

  it('are counted, and the time that they take', async () => {
    const counted = verifier();
    await counted.verify(token(good));
    await assert.rejects(counted.verify('nonsense'));
    assert.equal(counted.stats.verified, 2);
    assert.ok(counted.stats.ms > 0);
  });
});
