import type { KeyObject } from 'node:crypto';
import { createPublicKey, webcrypto } from 'node:crypto';
import type { CompactJWSHeaderParameters, CryptoKey, FlattenedJWSInput } from 'jose';

/** What signatures of tokens are checked with. */
export interface KeySource {
  /** The algorithms that are taken, by their JOSE names; never symmetric ones together with public keys. */
  readonly algorithms: readonly string[];
  /**
   * The key of a token.
   * @throws jose's errors when there is none; TokenError when that cannot be known now
   */
  key(header: CompactJWSHeaderParameters, token: FlattenedJWSInput): Promise<KeyObject | CryptoKey>;
  /** How long ago the keys were last confirmed, in milliseconds; undefined where they do not change. */
  readonly ageMs: number | undefined;
  close(): void;
}

/** RFC 7518, section 3.2: a key of the size of the hash at least. */
const MIN_SECRET_BYTES = 32;
/** RFC 7518, section 3.3. */
const MIN_RSA_BITS = 2_048;

/** Signatures with public keys that are taken; `EdDSA` and `Ed25519` are the old and the new name (RFC 9864) of one. */
export const PUBLIC_ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'Ed25519'] as const;

/**
 * A secret that whoever makes tokens shares: HS256.
 * @throws when it can be guessed
 */
export function secretKey(secret: Uint8Array): KeySource {
  if (secret.byteLength < MIN_SECRET_BYTES) {
    throw new Error(
      `a secret of ${secret.byteLength} bytes can be guessed: it has to have ${MIN_SECRET_BYTES} at least (openssl rand -base64 48)`,
    );
  }
  // Imported once: jose would do it for each token, which takes as long as to verify it.
  return fixed(
    ['HS256'],
    webcrypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']),
  );
}

/**
 * One public key: PEM, or a JWK.
 * @throws when it is neither, or of a kind that signs with no algorithm that is taken
 */
export function publicKey(text: string): KeySource {
  const key = text.trimStart().startsWith('{') ? jwk(text) : createPublicKey(text);
  const { modulusLength = MIN_RSA_BITS } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < MIN_RSA_BITS)
    throw new Error(`an RSA key of ${modulusLength} bits: ${MIN_RSA_BITS} at least are taken`);
  const algorithms = algorithmsOf(key);
  if (algorithms.length === 0)
    throw new Error(`a key of type ${key.asymmetricKeyType}: RSA, EC P-256 or Ed25519 is taken`);
  return fixed(algorithms, key);
}

function jwk(text: string): KeyObject {
  return createPublicKey({ key: JSON.parse(text) as Record<string, string>, format: 'jwk' });
}

function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] {
  switch (asymmetricKeyType) {
    case 'rsa':
      return ['RS256'];
    case 'ec':
      return asymmetricKeyDetails?.namedCurve === 'prime256v1' ? ['ES256'] : [];
    case 'ed25519':
      return ['EdDSA', 'Ed25519'];
    default:
      return [];
  }
}

function fixed(algorithms: readonly string[], key: KeyObject | Promise<CryptoKey>): KeySource {
  return { algorithms, key: () => Promise.resolve(key), ageMs: undefined, close: () => undefined };
}
