import { formatAddress } from '../../common/units.ts';
import type { ServerConfig } from '../config/config.ts';

/** By which address clients know the gateway, as far as it can tell: one that listens on all addresses of its host cannot. */
export function advertised({ advertise, listen }: ServerConfig, address: string): string | undefined {
  if (advertise !== undefined) return formatAddress(advertise);
  return listen.host === '0.0.0.0' || listen.host === '::' ? undefined : address;
}
