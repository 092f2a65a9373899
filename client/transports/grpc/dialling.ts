import type { SecureContext } from 'node:tls';
import { createSecureContext } from 'node:tls';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { credentials as grpcCredentials } from '@grpc/grpc-js';
import { status } from '../../../protos/status-codes.ts';
import { parseEndpoint } from '../../core/endpoint.ts';
import { LiveError } from '../../core/errors.ts';
import { TlsCredentials } from './internals/tls-credentials.ts';

/** How gateways prove who they are, and how the client does; PEM. */
export interface TlsOptions {
  /** Authorities that gateways' certificates are judged by; those that Node trusts unless given. */
  readonly ca?: string | Buffer;
  /** The client's own certificate, with its chain, where gateways ask for one. Goes with `key`. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** The name that gateways have in their certificates, where it is not the host that they are reached by. */
  readonly serverName?: string;
}

/** How connections are secured. */
export interface SecurityOptions {
  /**
   * TLS for endpoints that do not say by `https://` or `http://` whether they want it; with options for all that do. `true`: with those that
   * go without saying. Endpoints without a scheme are plaintext unless it is given.
   */
  readonly tls?: boolean | TlsOptions;
  /** Of grpc-js, for whatever `tls` has no words for: for endpoints without a scheme and, if they mean TLS, with `https://`. */
  readonly credentials?: ChannelCredentials;
}

/** Where a channel goes, and how. */
export interface Dialling {
  /** host:port */
  readonly address: string;
  readonly credentials: ChannelCredentials;
}

/**
 * What an endpoint stands for. Nothing that is written with `https://` is ever reached without TLS.
 * @throws LiveError INVALID_ARGUMENT that names the option which makes no sense
 */
export function dialler({ tls = false, credentials }: SecurityOptions): (endpoint: string) => Dialling {
  if (tls !== false && credentials !== undefined) throw invalid('give tls or credentials, not both');
  const options = typeof tls === 'boolean' ? {} : tls;
  const plaintext = grpcCredentials.createInsecure();
  const context = secureContext(options);
  const secured = (address: string): ChannelCredentials =>
    credentials?._isSecure()
      ? credentials
      : new TlsCredentials(context, options.serverName ?? hostOf(address));
  return (endpoint) => {
    const parsed = parseEndpoint(endpoint);
    if (parsed === undefined) throw invalid(`${endpoint} is no endpoint`);
    const { address, security } = parsed;
    switch (security) {
      case 'tls':
        return { address, credentials: secured(address) };
      case 'plaintext':
        return { address, credentials: plaintext };
      case 'unsaid':
        return { address, credentials: tls === false ? (credentials ?? plaintext) : secured(address) };
    }
  };
}

function secureContext({ ca, cert, key }: TlsOptions): SecureContext {
  if ((cert === undefined) !== (key === undefined)) throw invalid('tls.cert and tls.key go together');
  try {
    return createSecureContext({ ca, cert, key, minVersion: 'TLSv1.2' });
  } catch (cause) {
    throw invalid(`tls cannot be used: ${(cause as Error).message}`, cause);
  }
}

const hostOf = (address: string): string => address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');

function invalid(message: string, cause?: unknown): LiveError {
  return new LiveError(status.INVALID_ARGUMENT, message, { cause });
}
