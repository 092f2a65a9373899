import { Socket } from 'node:net';
import type { Msg, NatsConnection as NatsClient } from 'nats';

/**
 * All that the gateway takes of nats.js without a public name, but for how its transport begins TLS (`connection/tls-guard.ts`); hence its exact version in package.json. Each access says what breaks
 * without it and what public interface would replace it. What has moved is noticed at the first connection and the first message, with
 * an error that says so, and by `test/integration/nats-client-internals.test.ts`, name by name.
 */

/** One attempt of the client to have a connection. */
export interface ClientTransport {
  /**
   * Breaks: attempts that the client has given up pile up until they are too many.
   * Public instead: none; it would have to end such an attempt itself.
   */
  readonly isClosed: boolean;
  /**
   * The socket; undefined while it is being connected, and when it is closed.
   * Breaks: a connection that is alive on a slow link is taken for dead, a dead one is not cut, and attempts that were given up stay open.
   * Public instead: `nc.stats()` counts whole messages only, not the bytes of one that is on its way; `nc.reconnect()` cuts, but not
   * before what waits to be sent is out.
   */
  readonly socket?: unknown;
}

/** What the client keeps of its connection to itself (`ProtocolHandler`). */
export interface ClientProtocol {
  /**
   * Breaks: see {@link ClientTransport}.
   */
  readonly transport?: ClientTransport;
  /**
   * The PINGs without an answer, the oldest first; each is what `nc.flush()` has returned.
   * Breaks: errors cannot be set against what was sent before them: a subscription that was refused looks confirmed.
   * Public instead: none; `nc.flush()` resolves, but does not say what was reported before.
   */
  readonly pongs: readonly unknown[];
  /**
   * The servers in turn. A server that was away at the first connection is added again.
   * Breaks: it is never tried any more.
   * Public instead: none; the client drops it from what `connect` was given.
   */
  readonly servers: {
    getServers(): readonly { readonly src: string }[];
    addServer(url: string): void;
  };
  /**
   * Ends the attempt to connect that is under way; undefined when there is none.
   * Breaks (unnoticed, it may be absent): a server that refuses during a reconnect is waited for until the attempt times out.
   * Public instead: none.
   */
  connectError?: (error: Error) => void;
  /**
   * Called with what follows `-ERR`.
   * Breaks: permissions, limits and refused subscriptions are not told.
   * Public instead: `nc.status()`, which tells errors of permissions with their subject, but later than the answer to the PING behind them.
   */
  processError(line: Uint8Array): void;
  /**
   * Called with each answer to a PING.
   * Breaks and public instead: see `pongs`.
   */
  processPong(): void;
}

/** @throws when this version of the client keeps it elsewhere */
export function protocolOf(nc: NatsClient): ClientProtocol {
  const { protocol } = nc as { protocol?: Partial<ClientProtocol> };
  const known =
    protocol?.transport?.socket instanceof Socket &&
    typeof protocol.transport.isClosed === 'boolean' &&
    Array.isArray(protocol.pongs) &&
    typeof protocol.servers?.getServers === 'function' &&
    typeof protocol.servers.addServer === 'function' &&
    typeof protocol.processError === 'function' &&
    typeof protocol.processPong === 'function';
  if (!known) throw new Error('this version of the NATS client keeps the socket of a connection elsewhere');
  return protocol as ClientProtocol;
}

/**
 * The header block of a message as it came (`_rdata` up to `_msg.hdr`); empty if it has none.
 * Breaks: no message with headers can be read.
 * Public instead: `message.headers`, whose decoder refuses names that servers store and takes quadratic time: see `header-lines.ts`.
 * @throws when this version of the client keeps it elsewhere
 */
export function headerBlockOf(message: Msg): Uint8Array {
  const { _msg: argument, _rdata: bytes } = message as { _msg?: { hdr?: unknown }; _rdata?: unknown };
  if (typeof argument?.hdr !== 'number' || !(bytes instanceof Uint8Array))
    throw new Error('this version of nats keeps the bytes of a message elsewhere');
  return bytes.subarray(0, Math.max(0, argument.hdr));
}

/**
 * The JetStream domain of the server (`domain` of its INFO, which the client passes on without a type); undefined when it has none.
 * Breaks: another stream with the same subjects in another domain is not looked for.
 * Public instead: `jsm.getAccountInfo()`, for which the account needs a further permission.
 */
export function domainOfServer(nc: NatsClient): string | undefined {
  return (nc.info as { domain?: string } | undefined)?.domain;
}
