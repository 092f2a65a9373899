import type { Metadata } from '@grpc/grpc-js';

const SCHEME = /^bearer +/i;

/** The token in `authorization: Bearer` (RFC 6750, section 2.1); undefined if there is none. */
export function bearerToken(metadata: Metadata): string | undefined {
  const [value] = metadata.get('authorization');
  return typeof value === 'string' && SCHEME.test(value) ? value.replace(SCHEME, '') : undefined;
}
