import type { Grant } from './grant.ts';
import { EVERYTHING } from './grant.ts';
import type { TokenVerifier } from './token-verifier.ts';

/**
 * Says what somebody may do. `open`: nobody is asked who he is, and nothing has to be waited for; `tokens`: whoever brings one that is valid.
 */
export type Authenticator =
  | { readonly kind: 'open'; readonly grant: Grant }
  | { readonly kind: 'tokens'; readonly verifier: TokenVerifier };

/** Where nobody is asked for a token. */
export const OPEN_TO_ALL: Authenticator = { kind: 'open', grant: EVERYTHING };

/**
 * What somebody may do.
 * @throws TokenError
 */
export async function authenticate(authenticator: Authenticator, token: string | undefined): Promise<Grant> {
  return authenticator.kind === 'open' ? authenticator.grant : authenticator.verifier.verify(token);
}
