import { readFile } from 'node:fs/promises';
import type { Clock } from '../../common/clock.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import { OPEN_TO_ALL } from '../auth/authenticator.ts';
import { JwksKeys } from '../auth/jwks.ts';
import { Exclusions } from '../auth/exclusions.ts';
import type { KeySource } from '../auth/key-source.ts';
import { publicKey, secretKey } from '../auth/key-source.ts';
import { TokenVerifier } from '../auth/token-verifier.ts';
import type { ServerConfig } from '../config/config.ts';
import type { GatewayStats } from '../observability/stats.ts';
import type { Logger } from '../observability/logging.ts';

/**
 * How viewers are asked who they are, as the configuration says; told to the log in one line.
 * @throws when a key cannot be read, or is not fit for it
 */
export async function openAuthentication(
  config: ServerConfig,
  clock: Clock,
  logger: Logger,
): Promise<Authenticator> {
  const keys = await openKeys(config, clock, logger);
  if (keys === undefined) {
    logger.warn(
      { insecure: config.insecure },
      'viewers are not authenticated: whoever reaches this address may do everything',
    );
    return OPEN_TO_ALL;
  }
  const { jwtIssuer: issuer, jwtAudience: audience, jwtLeewayMs: leewayMs } = config;
  logger.info({ algorithms: keys.algorithms, issuer, audience }, 'viewers are authenticated by their tokens');
  return {
    kind: 'tokens',
    verifier: new TokenVerifier(keys, { issuer, audience, leewayMs }, clock),
    exclusions: new Exclusions(clock, logger),
  };
}

type AuthenticationStats = Pick<
  GatewayStats,
  'tokensVerified' | 'tokenVerificationSeconds' | 'keysAgeSeconds' | 'bansAgeSeconds'
>;

/**
 * What metrics tell of it.
 * @param bansAgeMs how long ago it was known who is excluded
 */
export function authenticationStats(
  authenticator: Authenticator,
  bansAgeMs: number | undefined,
): AuthenticationStats {
  if (authenticator.kind === 'open')
    return {
      tokensVerified: 0,
      tokenVerificationSeconds: 0,
      keysAgeSeconds: undefined,
      bansAgeSeconds: undefined,
    };
  const { stats, keysAgeMs } = authenticator.verifier;
  return {
    tokensVerified: stats.verified,
    tokenVerificationSeconds: stats.ms / 1_000,
    keysAgeSeconds: inSeconds(keysAgeMs),
    bansAgeSeconds: inSeconds(bansAgeMs),
  };
}

const inSeconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1_000);

async function openKeys(
  { jwtSecretFile, jwtPublicKey, jwksUrl }: ServerConfig,
  clock: Clock,
  logger: Logger,
): Promise<KeySource | undefined> {
  // What an editor has put behind the secret is not part of it.
  if (jwtSecretFile !== undefined)
    return keyFrom('--jwt-secret-file', jwtSecretFile, (bytes) => secretKey(withoutLineEnd(bytes)));
  if (jwtPublicKey !== undefined)
    return keyFrom('--jwt-public-key', jwtPublicKey, (bytes) => publicKey(bytes.toString()));
  if (jwksUrl === undefined) return undefined;
  const keys = new JwksKeys(jwksUrl, clock, logger);
  await keys.start();
  return keys;
}

async function keyFrom(flag: string, file: string, read: (bytes: Buffer) => KeySource): Promise<KeySource> {
  try {
    return read(await readFile(file));
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new Error(`${flag}: ${file} cannot be used: ${problem}`, { cause: error });
  }
}

function withoutLineEnd(bytes: Buffer): Buffer {
  const [line = ''] = /\r?\n$/.exec(bytes.toString('latin1')) ?? [];
  return bytes.subarray(0, bytes.length - line.length);
}
