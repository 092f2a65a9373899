import { X509Certificate } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';

/** What a gateway shows its clients to prove who it is, and by what it judges theirs; all PEM. */
export interface Certificates {
  /** Its certificate, and those that lead from it to an authority. */
  readonly cert: string;
  readonly key: string;
  /** Authorities of clients' certificates; undefined: clients need none. */
  readonly clientCa: string | undefined;
}

/** How viewers' connections are secured: not at all, by the gateway's certificate, or by one at each end. */
export type TlsMode = 'off' | 'server' | 'mutual';

/** The certificates in use, which may be replaced at any time: whoever has connected stays connected. */
export class CurrentCertificates {
  readonly #listeners = new Set<() => void>();
  #now: Certificates;

  constructor(now: Certificates) {
    this.#now = now;
  }

  get now(): Certificates {
    return this.#now;
  }

  get mode(): TlsMode {
    return this.#now.clientCa === undefined ? 'server' : 'mutual';
  }

  /** When the first of those that clients are shown expires: milliseconds since the Unix epoch. */
  get expiryMs(): number {
    return expiryMs(this.#now);
  }

  replace(certificates: Certificates): void {
    this.#now = certificates;
    for (const listener of this.#listeners) listener();
  }

  /** Calls `fn` after each replacement. */
  onReplaced(fn: () => void): void {
    this.#listeners.add(fn);
  }
}

/** When the first of the gateway's own expires: milliseconds since the Unix epoch. */
export function expiryMs({ cert }: Certificates): number {
  return Math.min(...certificatesIn(cert).map(({ validTo }) => Date.parse(validTo)));
}

/**
 * The certificates of a PEM text, which may have other things between them.
 * @throws if one cannot be read
 */
export function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

/** For `tls.createServer` and `setSecureContext`. */
export function contextOptions({ cert, key, clientCa }: Certificates): SecureContextOptions {
  return { cert, key, minVersion: 'TLSv1.2', ...(clientCa !== undefined && { ca: clientCa }) };
}
