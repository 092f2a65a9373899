import type { Exclusions } from './exclusions.ts';
import type { Grant } from './grant.ts';
import { EVERYTHING } from './grant.ts';
import type { TokenVerifier } from './token-verifier.ts';

/**
 * Says what somebody may do. `open`: nobody is asked who he is, and nothing has to be waited for; `tokens`: whoever brings one that is valid, and is not
 * excluded.
 */
export type Authenticator =
  | { readonly kind: 'open'; readonly grant: Grant }
  | { readonly kind: 'tokens'; readonly verifier: TokenVerifier; readonly exclusions: Exclusions };

/** Where nobody is asked for a token. */
export const OPEN_TO_ALL: Authenticator = { kind: 'open', grant: EVERYTHING };

/**
 * What somebody may do.
 * @throws TokenError
 */
export async function authenticate(authenticator: Authenticator, token: string | undefined): Promise<Grant> {
  if (authenticator.kind === 'open') return authenticator.grant;
  const grant = await authenticator.verifier.verify(token);
  authenticator.exclusions.require(grant);
  return grant;
}
