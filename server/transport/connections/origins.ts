import type { Network } from '../../../common/node/network.ts';
import { canonicalAddress, Networks } from '../../../common/node/network.ts';
import type { Address } from '../../../common/units.ts';
import { formatAddress } from '../../../common/units.ts';

/** Proxies add themselves at the end: what is further from it than any chain of them is made up. */
const MAX_HOPS = 20;

/** Where something comes from. */
export interface Origin {
  /** The IP address of the client. */
  readonly address: string;
  /** For the log, and for who takes turns with whom: with a port, where that is known. */
  readonly name: string;
}

interface Connection {
  readonly origin: Origin;
  /** Whether a proxy that is trusted is there. Looked up once: it takes microseconds. */
  readonly trusted: boolean;
}

/**
 * Where connections and the calls on them come from. That is the other end of the connection, unless that is a proxy which is trusted: then what it says, of
 * the connection by the PROXY protocol, of a call by X-Forwarded-For. What others say is not looked at.
 */
export class Origins {
  readonly #trusted: Networks;
  /** Of the connections that are open, by the names of their other ends. */
  readonly #connections = new Map<string, Connection>();

  constructor(trusted: readonly Network[]) {
    this.#trusted = new Networks(trusted);
  }

  /** Whether somebody at an address is a proxy that is trusted. */
  trusts(address: string | undefined): boolean {
    return address !== undefined && this.#trusted.has(address);
  }

  /**
   * A connection is there, until {@link forget}.
   * @param peer name of its other end, see peer-name.ts
   * @param source where a trusted proxy says that it comes from
   * @returns the address that it counts for; undefined: it is a trusted proxy's own, for whoever comes by it
   */
  enter(peer: string, source: Address | undefined): string | undefined {
    const origin = source && { address: source.host, name: formatAddress(source) };
    const connection = this.#connection(origin ?? otherEnd(peer));
    this.#connections.set(peer, connection);
    return connection.trusted ? undefined : connection.origin.address;
  }

  /** The address that a connection which is open counts for; undefined: it is a trusted proxy's own, or not known. */
  clientOf(peer: string): string | undefined {
    const connection = this.#connections.get(peer);
    return connection?.trusted === false ? connection.origin.address : undefined;
  }

  forget(peer: string): void {
    this.#connections.delete(peer);
  }

  /**
   * Of a call. What its headers say is looked at only where the connection is a trusted proxy's.
   * @param peer name of the connection's other end
   * @param forwardedFor what its X-Forwarded-For headers say; asked for only where it counts
   */
  ofCall(peer: string, forwardedFor: () => readonly string[]): Origin {
    const { origin, trusted } = this.#connections.get(peer) ?? this.#connection(otherEnd(peer));
    if (!trusted) return origin;
    const hops = forwardedFor()
      .flatMap((value) => value.split(','))
      .slice(-MAX_HOPS);
    const address = this.#client(hops);
    return address === undefined ? origin : { address, name: address };
  }

  #connection(origin: Origin): Connection {
    return { origin, trusted: this.trusts(origin.address) };
  }

  /**
   * The last that is no trusted proxy: whatever stands before it, its sender may have made up. Where all of them are trusted, the first. Undefined where
   * nothing is said that could be understood.
   */
  #client(hops: readonly string[]): string | undefined {
    let client: string | undefined;
    for (const hop of hops.toReversed()) {
      const address = hopAddress(hop.trim());
      if (address === undefined) return client;
      client = address;
      if (!this.trusts(address)) return client;
    }
    return client;
  }
}

function otherEnd(peer: string): Origin {
  const colon = peer.lastIndexOf(':');
  const host = colon < 0 ? peer : peer.slice(0, colon);
  return { address: canonicalAddress(host) ?? host, name: peer };
}

/** Some proxies add the port: `192.0.2.1:443`, `[2001:db8::1]:443`. */
function hopAddress(text: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/.exec(text) ?? [];
  return canonicalAddress(bracketed ?? plain ?? text);
}
