import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { JwksKeys } from '../../server/auth/jwks.ts';
import { TokenError } from '../../server/auth/token-error.ts';
import { TokenVerifier } from '../../server/auth/token-verifier.ts';
import { createLogger } from '../../server/observability/logging.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { until } from '../helpers/poll.ts';
import type { Signer } from '../helpers/tokens.ts';
import { jwkOf, newSigner, token } from '../helpers/tokens.ts';

const MINUTE_MS = 60_000;

describe('the keys of an issuer', () => {
  let issuer: Server;
  let clock: ManualClock;
  let keys: JwksKeys;
  let verifier: TokenVerifier;
  let asked: number;
  let log: string[];
  let answer: (response: ServerResponse) => void;

  beforeEach(async () => {
    asked = 0;
    log = [];
    issuer = createServer((_, response) => {
      asked += 1;
      answer(response);
    }).listen(0, '127.0.0.1');
    await once(issuer, 'listening');
    const url = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/keys`;
    clock = new ManualClock();
    keys = new JwksKeys(url, clock, createLogger('warn', { write: (line) => log.push(line) }));
    verifier = new TokenVerifier(keys, { issuer: undefined, audience: undefined, leewayMs: 0 }, clock);
  });

  afterEach(async () => {
    verifier.close();
    assert.equal(clock.pending, 0, 'timers left behind');
    issuer.closeAllConnections();
    issuer.close();
    await once(issuer, 'close');
  });

  const has = (...signers: Signer[]): void => {
    const text = JSON.stringify({ keys: signers.map(jwkOf) });
    answer = (response) => response.end(text);
  };
  const verdict = (by: Signer | string): Promise<string> =>
    verifier.verify(token({ sub: 'ann' }, by)).then(
      () => 'OK',
      (error: unknown) => (error instanceof TokenError ? error.reason : String(error)),
    );

  it('are looked at again as soon as an unknown one is used, but not all the time', async () => {
    const [old, next] = [newSigner('ES256'), newSigner('EdDSA')];
    has(old);
    await keys.start();
    has(old, next);
    assert.equal(await verdict(next), 'TOKEN_INVALID', 'it was asked just now');
    clock.advance(10_000);
    assert.deepEqual(await Promise.all([verdict(next), verdict(next)]), ['OK', 'OK']);
    assert.equal(asked, 2, 'once for both');
    has(next);
    clock.advance(10_000);
    assert.equal(await verdict(old), 'OK', 'what is known is not asked for');
  });

  it('are looked at every five minutes: one that was taken away counts no longer', async () => {
    const [old, next] = [newSigner('ES256'), newSigner('ES256')];
    has(old);
    await keys.start();
    has(next);
    clock.advance(5 * MINUTE_MS);
    await until('they were looked at', () => asked === 2 && keys.ageMs === 0);
    assert.deepEqual([await verdict(old), await verdict(next)], ['TOKEN_INVALID', 'OK']);
  });

  for (const [what, wrong] of Object.entries<(response: ServerResponse) => void>({
    'an error': (response) => response.writeHead(500).end(),
    'a page of HTML': (response) => response.end('<html>'),
    'an empty set': (response) => response.end('{"keys":[]}'),
    'a set of secrets': (response) => response.end('{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"key"}]}'),
    'something endless': (response) => response.end('x'.repeat(2 ** 21)),
    'a broken connection': (response) => response.destroy(),
  })) {
    it(`that are known serve on when the issuer answers with ${what}, and it is asked again`, async () => {
      const [old, next] = [newSigner('ES256'), newSigner('ES256')];
      has(old);
      await keys.start();
      answer = wrong;
      clock.advance(5 * MINUTE_MS);
      await until('it was asked', () => asked === 2);
      assert.equal(await verdict(old), 'OK');
      await until('it has been heard', () => log.some((line) => line.includes('serve on')));
      has(next);
      clock.advance(1_000);
      await until('the new ones are there', () => keys.ageMs === 0);
      assert.equal(await verdict(next), 'OK');
    });
  }

  it('are not waited for longer than five seconds, and nobody is let in without any', async () => {
    answer = () => undefined;
    const started = keys.start();
    await until('it was asked', () => asked === 1);
    clock.advance(5_000);
    await started;
    assert.equal(keys.ageMs, undefined);
    assert.equal(await verdict(newSigner('ES256')), 'AUTHENTICATION_UNAVAILABLE');
    assert.equal(
      await verdict('a secret that is long enough to be one'),
      'TOKEN_INVALID',
      'no symmetric one, ever',
    );
  });
});
