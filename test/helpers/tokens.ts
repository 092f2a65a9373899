import type { KeyObject } from 'node:crypto';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';

/** A secret that gateways of tests verify tokens with. */
export const SECRET = 'a secret of tests, which is long enough';

/** A key pair, and the algorithm that it signs with. */
export interface Signer {
  readonly algorithm: 'RS256' | 'ES256' | 'EdDSA';
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Its name in a key set. */
  readonly kid: string;
}

let made = 0;

/** Makes a key pair. */
export function newSigner(algorithm: Signer['algorithm']): Signer {
  const kid = `key-${++made}`;
  switch (algorithm) {
    case 'RS256':
      return { algorithm, kid, ...generateKeyPairSync('rsa', { modulusLength: 2_048 }) };
    case 'ES256':
      return { algorithm, kid, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };
    case 'EdDSA':
      return { algorithm, kid, ...generateKeyPairSync('ed25519') };
  }
}

/** A public key as key sets have it. */
export function jwkOf({ algorithm, kid, publicKey }: Signer): Record<string, unknown> {
  return { ...publicKey.export({ format: 'jwk' }), alg: algorithm, kid, use: 'sig' };
}

/** Claims of a token; times in seconds since the Unix epoch. */
export type Claims = Readonly<Record<string, unknown>>;

/** A token signed with a secret (HS256), or with a private key. Made by Node's crypto: what is tested must not judge itself. */
export function token(claims: Claims, by: string | Signer = SECRET): string {
  const signer = typeof by === 'string' ? undefined : by;
  const header = { typ: 'JWT', alg: signer?.algorithm ?? 'HS256', ...(signer && { kid: signer.kid }) };
  const signed = `${encoded(header)}.${encoded(claims)}`;
  return `${signed}.${(typeof by === 'string' ? hmac(signed, by) : signature(signed, by)).toString('base64url')}`;
}

/** Part of a token. */
export const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Seconds since the Unix epoch, so many from now. */
export const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;

function hmac(text: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(text).digest();
}

function signature(text: string, { algorithm, privateKey }: Signer): Buffer {
  const digest = algorithm === 'EdDSA' ? null : 'sha256';
  return sign(digest, Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' });
}
