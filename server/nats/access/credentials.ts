import type { Authenticator } from 'nats';
import { jwtAuthenticator, nkeyAuthenticator, tokenAuthenticator, usernamePasswordAuthenticator } from 'nats';
import type { NatsCredentials, Secret } from './access.ts';
import { nkeys } from './nkeys.ts';
import { AccessError, readSecretFile } from './secret-file.ts';

const SEED = /^S[A-Z2-7]{57}$/m;
/** What stands between two lines of dashes. */
const BLOCKS = /-{3,}[^\n]*-{3,}\n\s*([^\s-][^\s]*)\s*\n\s*-{3,}[^\n]*-{3,}/g;

/** What is sent to a server, which may have set a challenge, to prove who the gateway is. */
export type Proof = Authenticator;

/**
 * Reads credentials as they are now.
 * @throws AccessError
 */
export function readCredentials(credentials: NatsCredentials): Proof {
  switch (credentials.kind) {
    case 'none':
      return () => undefined;
    case 'password':
      return usernamePasswordAuthenticator(
        credentials.user,
        read('--nats-password-file', credentials.password),
      );
    case 'token':
      return tokenAuthenticator(read('--nats-token-file', credentials.token));
    case 'nkey':
      return nkeyAuthenticator(readSeed(credentials.path));
    case 'creds': {
      const { jwt, seed } = readCreds(credentials.path);
      return jwtAuthenticator(jwt, seed);
    }
  }
}

/**
 * Until when the credentials hold, in milliseconds since the Unix epoch; undefined when they do not say.
 * @throws AccessError
 */
export function expiryMs(credentials: NatsCredentials): number | undefined {
  if (credentials.kind !== 'creds') return undefined;
  const { exp } = claimsOf(readCreds(credentials.path).jwt) ?? {};
  return typeof exp === 'number' && exp > 0 ? exp * 1_000 : undefined;
}

/**
 * The public key by which a server knows the gateway.
 * @throws AccessError
 */
export function publicKey(path: string): string {
  return nkeys.fromSeed(readSeed(path)).getPublicKey();
}

function read(setting: string, secret: Secret): string {
  if (secret.kind === 'value') return secret.value;
  const text = readSecretFile(setting, secret.path).replace(/\r?\n$/, '');
  // More lines than one are hardly what was meant, and a server would only say that it does not know them.
  if (/[\r\n]/.test(text)) throw new AccessError(setting, secret.path, 'has more than one line');
  return text;
}

function readSeed(path: string): Uint8Array {
  const setting = '--nats-nkey';
  const [seed] = SEED.exec(readSecretFile(setting, path).replaceAll('\r', '')) ?? [];
  if (seed === undefined || !isUserSeed(seed))
    throw new AccessError(setting, path, 'holds no seed of a user (a line that begins with SU)');
  return Buffer.from(seed);
}

function readCreds(path: string): { readonly jwt: string; readonly seed: Uint8Array } {
  const setting = '--nats-creds';
  const text = readSecretFile(setting, path).replaceAll('\r', '');
  const [jwt, seed] = [...text.matchAll(BLOCKS)].map(([, block]) => block);
  if (jwt === undefined || claimsOf(jwt) === undefined)
    throw new AccessError(setting, path, 'holds no JWT of a user, as `nsc generate creds` writes it');
  if (seed === undefined || !isUserSeed(seed))
    throw new AccessError(setting, path, 'holds no seed of a user behind the JWT');
  return { jwt, seed: Buffer.from(seed) };
}

function claimsOf(jwt: string): { readonly exp?: unknown } | undefined {
  const [, claims, signature] = jwt.split('.');
  if (claims === undefined || signature === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(claims, 'base64url').toString()) as { readonly exp?: unknown };
  } catch {
    return undefined;
  }
}

function isUserSeed(seed: string): boolean {
  if (!seed.startsWith('SU')) return false;
  try {
    nkeys.fromSeed(Buffer.from(seed));
    return true;
  } catch {
    return false;
  }
}
