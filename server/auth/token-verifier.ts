import type { JWTPayload, JWTVerifyOptions } from 'jose';
import { errors, jwtVerify } from 'jose';
import type { Clock } from '../../common/clock.ts';
import { grantOf } from './claims.ts';
import type { Grant } from './grant.ts';
import type { KeySource } from './key-source.ts';
import { TokenError } from './token-error.ts';

/** Larger ones are not looked at. Proxies take no longer headers either. */
const MAX_TOKEN_BYTES = 8_192;
const SECOND_MS = 1_000;

/** What a token has to say beside being signed. */
export interface TokenRequirements {
  /** `iss`; undefined: anybody who has the key. */
  readonly issuer: string | undefined;
  /** `aud`; undefined: whoever it is for. */
  readonly audience: string | undefined;
  /** How much clocks may differ, in milliseconds. */
  readonly leewayMs: number;
}

/** What became of tokens so far. */
export interface VerificationStats {
  readonly verified: number;
  /** Time that verifications took altogether, in milliseconds. */
  readonly ms: number;
}

/** Verifies JSON Web Tokens (RFC 7519; RFC 8725 on how not to). */
export class TokenVerifier {
  readonly #keys: KeySource;
  readonly #requirements: TokenRequirements;
  readonly #clock: Clock;
  #verified = 0;
  #ms = 0;

  constructor(keys: KeySource, requirements: TokenRequirements, clock: Clock) {
    this.#keys = keys;
    this.#requirements = requirements;
    this.#clock = clock;
  }

  get stats(): VerificationStats {
    return { verified: this.#verified, ms: this.#ms };
  }

  /** How long ago keys that may change were last confirmed, in milliseconds. */
  get keysAgeMs(): number | undefined {
    return this.#keys.ageMs;
  }

  /**
   * What a token allows.
   * @throws TokenError that says what is wrong
   */
  async verify(token: string | undefined): Promise<Grant> {
    if (token === undefined || token === '') {
      throw new TokenError('TOKEN_MISSING', 'a token is needed: as authorization: Bearer, or in Hello');
    }
    if (token.length > MAX_TOKEN_BYTES)
      throw invalid(`it has ${token.length} characters, at most ${MAX_TOKEN_BYTES} are taken`);
    const beganMs = this.#clock.monotonicMs();
    try {
      return grantOf(await this.#payloadOf(token));
    } catch (error) {
      throw error instanceof TokenError ? error : this.#explained(error);
    } finally {
      this.#verified += 1;
      this.#ms += this.#clock.monotonicMs() - beganMs;
    }
  }

  close(): void {
    this.#keys.close();
  }

  async #payloadOf(token: string): Promise<JWTPayload> {
    const options = this.#options();
    try {
      const { payload } = await jwtVerify(token, (header, jws) => this.#keys.key(header, jws), options);
      return payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      return withAnyOf(error, token, options);
    }
  }

  #options(): JWTVerifyOptions {
    const { issuer, audience, leewayMs } = this.#requirements;
    return {
      algorithms: [...this.#keys.algorithms],
      clockTolerance: leewayMs / SECOND_MS,
      currentDate: new Date(this.#clock.wallMs()),
      ...(issuer !== undefined && { issuer }),
      ...(audience !== undefined && { audience }),
    };
  }

  #explained(error: unknown): TokenError {
    if (error instanceof errors.JWTExpired) {
      const since = timeOf(error.payload.exp ?? 0);
      return new TokenError('TOKEN_EXPIRED', `the token expired at ${since}: come again with a new one`, {
        cause: error,
      });
    }
    if (error instanceof errors.JWTClaimValidationFailed) return this.#wrongClaim(error);
    if (error instanceof errors.JOSEAlgNotAllowed)
      return invalid(`it is signed with another algorithm than ${this.#keys.algorithms.join(', ')}`, error);
    if (error instanceof errors.JWSSignatureVerificationFailed)
      return invalid('its signature is not of our key', error);
    if (error instanceof errors.JWKSNoMatchingKey)
      return invalid('it is signed with a key that is not in the key set of the issuer', error);
    return invalid('it is no signed JSON Web Token', error);
  }

  #wrongClaim(error: errors.JWTClaimValidationFailed): TokenError {
    const { issuer, audience } = this.#requirements;
    const { claim, payload } = error;
    switch (claim) {
      case 'nbf':
        if (typeof payload.nbf !== 'number') break;
        return new TokenError(
          'TOKEN_NOT_YET_VALID',
          `the token is valid from ${timeOf(payload.nbf)}: come again then`,
          { cause: error },
        );
      case 'aud':
        return invalid(`its audience (aud) is not ${audience}`, error);
      case 'iss':
        return invalid(`its issuer (iss) is not ${issuer}`, error);
    }
    return invalid(`its claim ${claim} is not as it should be`, error);
  }
}

/** Of several keys that fit a token which does not say by which it is signed. */
async function withAnyOf(
  keys: errors.JWKSMultipleMatchingKeys,
  token: string,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

/** As a date, where there is one: a claim may be any number. */
function timeOf(seconds: number): string {
  const date = new Date(seconds * SECOND_MS);
  return Number.isNaN(date.getTime()) ? `second ${seconds}` : date.toISOString();
}

function invalid(problem: string, cause?: unknown): TokenError {
  return new TokenError('TOKEN_INVALID', `the token is refused: ${problem}`, { cause });
}
