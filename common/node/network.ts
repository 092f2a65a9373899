import { BlockList, isIP, isIPv4, SocketAddress } from 'node:net';

type Family = 'ipv4' | 'ipv6';

/** A network such as `10.0.0.0/8` or `2001:db8::/32`. */
export interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: Family;
}

/** The network that a text names, as CIDR or by its only address; undefined if it is none. */
export function parseNetwork(text: string): Network | undefined {
  const [, given = '', digits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = canonicalAddress(given);
  if (address === undefined) return undefined;
  const family = familyOf(address);
  // What is written as a mapped one has the prefix of that.
  if (digits !== undefined && family !== familyOf(given)) return undefined;
  const bits = family === 'ipv4' ? 32 : 128;
  const prefix = digits === undefined ? bits : Number(digits);
  return prefix <= bits ? { address, prefix, family } : undefined;
}

/**
 * An IP address in the form that there is only one of: short, in lower case, without a zone, and IPv4 as such where it is mapped into IPv6. Undefined
 * if it is none.
 */
export function canonicalAddress(text: string): string | undefined {
  const [bare = ''] = text.split('%', 1);
  // There is no other form of it that would be taken.
  if (isIPv4(bare)) return bare;
  if (isIP(bare) === 0) return undefined;
  const { address } = new SocketAddress({ address: bare, family: familyOf(bare) });
  const [, mapped] = /^::ffff:([\d.]+)$/.exec(address) ?? [];
  return mapped ?? address;
}

/** Several networks, to ask whether an address is in one of them. */
export class Networks {
  readonly #list = new BlockList();
  readonly #none: boolean;

  constructor(networks: readonly Network[]) {
    this.#none = networks.length === 0;
    for (const { address, prefix, family } of networks) this.#list.addSubnet(address, prefix, family);
  }

  /** @param address as {@link canonicalAddress} has it */
  has(address: string): boolean {
    return !this.#none && this.#list.check(address, familyOf(address));
  }
}

const familyOf = (address: string): Family => (address.includes(':') ? 'ipv6' : 'ipv4');
