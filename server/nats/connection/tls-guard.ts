import { NodeTransport } from 'nats/lib/src/node_transport.js';

/** What the NATS client's transport knows while it is being connected. */
interface Dialling {
  options: { readonly tls?: object | null };
  readonly tlsName: string;
  readonly socket: { readonly remoteAddress?: string };
  /** What has come, the greeting included. */
  readonly yields: readonly Uint8Array[];
}

/** What a server says of itself in the clear (INFO). */
export interface Greeting {
  readonly tls_required?: unknown;
  readonly tls_available?: unknown;
  /** A challenge, to be signed. */
  readonly nonce?: string;
}

/** A server that takes no TLS, or cannot be trusted to, although it is required. */
const NO_TLS = 'the server does not offer TLS, which is required';
const BEHIND_GREETING = 'the server says more than its greeting before TLS has begun';

/**
 * Holds the NATS client to TLS in all of this process's connections that are made with `tls`:
 *
 * - it takes `"tls_available":1` for an offer, does not take it up, and sends its credentials in the clear;
 * - it takes for the server's what came in the clear behind the greeting;
 * - it holds the certificate of a server that is known by an IP address against the name `localhost`.
 *
 * The greeting comes in the clear, and is anybody's who stands between the two.
 */
function holdToTls(): void {
  const prototype = NodeTransport.prototype as unknown as Record<'peekInfo' | 'startTLS', unknown>;
  const { peekInfo, startTLS } = prototype;
  if (typeof peekInfo !== 'function' || typeof startTLS !== 'function')
    throw new Error('this version of the NATS client begins TLS elsewhere');
  prototype.peekInfo = async function (this: Dialling): Promise<Greeting> {
    const greeting = (await peekInfo.call(this)) as Greeting;
    if (this.options.tls) requireTls(greeting, Buffer.concat(this.yields));
    return greeting;
  };
  prototype.startTLS = function (this: Dialling): unknown {
    const host = this.tlsName || this.socket.remoteAddress;
    this.options = { ...this.options, tls: { ...this.options.tls, host } };
    return startTLS.call(this) as unknown;
  };
}

/**
 * Whether what a server has said so far lets TLS begin.
 * @param received all of it
 * @throws when not
 */
export function requireTls(greeting: Greeting, received: Buffer): void {
  if (!isOffered(greeting)) throw new Error(NO_TLS);
  if (received.indexOf('\n') !== received.length - 1) throw new Error(BEHIND_GREETING);
}

/** Whether the NATS client would begin TLS. */
export const isOffered = ({ tls_required, tls_available }: Greeting): boolean =>
  tls_required === true || tls_available === true;

holdToTls();
