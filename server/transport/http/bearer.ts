const SCHEME = /^bearer +/i;

/** The token in what `authorization` says, if that is `Bearer` (RFC 6750, section 2.1); undefined if there is none. */
export function bearerIn(authorization: string | undefined): string | undefined {
  if (authorization === undefined || !SCHEME.test(authorization)) return undefined;
  return authorization.replace(SCHEME, '');
}
