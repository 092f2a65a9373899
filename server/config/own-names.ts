import { isLoopback } from './conflicts.ts';
import type { ServerConfig } from './settings.ts';

/**
 * Whether HTTP is answered only to who asks for this machine by one of its own names. So it is where nobody else was to be served: a page of anybody can have its own name
 * resolved to 127.0.0.1 (DNS rebinding), and with neither tokens nor a certificate that is all that it takes.
 */
export function answersOwnNamesOnly(config: ServerConfig): boolean {
  // Nobody has asked for this listener: it is there for the demo.
  if (config.http === undefined) return true;
  return isLoopback(config.http) && !config.insecure && !isSecured(config);
}

/** Whether viewers bring tokens, or know by a certificate whom they have reached. */
export function isSecured({ tlsCert, jwtSecretFile, jwtPublicKey, jwksUrl }: ServerConfig): boolean {
  return (tlsCert ?? jwtSecretFile ?? jwtPublicKey ?? jwksUrl) !== undefined;
}
