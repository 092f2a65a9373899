import type { Metadata } from '@grpc/grpc-js';
import { bearerIn } from '../http/bearer.ts';

/** The token in the `authorization` of a call; undefined if there is none. */
export function bearerToken(metadata: Metadata): string | undefined {
  const [value] = metadata.get('authorization');
  return typeof value === 'string' ? bearerIn(value) : undefined;
}
