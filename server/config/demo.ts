import type { Address } from '../../common/units.ts';
import { isLoopback } from './conflicts.ts';
import { isSecured } from './own-names.ts';
import type { ServerConfig } from './settings.ts';

/** Where the demo room is served when nothing is said of it: a free port takes its place where it is taken. */
export const DEMO_ADDRESS: Address = { host: '127.0.0.1', port: 8080 };

/**
 * Whether there is a demo room: where it is asked for or, where nothing is said of it, at a gateway that is only tried out. That has a NATS server of its own, asks for
 * no tokens and is reached from this machine only.
 */
export function servesDemo(config: ServerConfig): boolean {
  return config.demo ?? isTriedOut(config);
}

function isTriedOut(config: ServerConfig): boolean {
  const { nats, listen, http } = config;
  return nats === undefined && !isSecured(config) && [listen, http ?? listen].every(isLoopback);
}
