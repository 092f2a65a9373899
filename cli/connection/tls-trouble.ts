import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { connect } from 'node:tls';
import type { Endpoint } from '../../client/core/endpoint.ts';
import { parseEndpoint } from '../../client/core/endpoint.ts';
import type { TlsOptions } from '../../client/index.ts';
import { LiveError } from '../../client/index.ts';
import { parseAddress } from '../../common/units.ts';
import type { Connection } from './connection.ts';

/** How long a gateway may take to answer, in milliseconds. */
const ANSWER_MS = 2_000;

/** What is said of a connection that ended before a gateway was understood on it. */
const unintelligible =
  /No connection established|Failed to connect|Connection (dropped|closed|failed)|the request failed|Protocol error|certificate|SSL|TLS|ECONNRESET|EPIPE/i;

/** What OpenSSL says when it has met something else than TLS. */
const withoutTls = /wrong version number|packet length too long|http request/i;

/** How an attempt by TLS ended. */
type Attempt =
  | { readonly kind: 'served' | 'silent' }
  /** The gateway's certificate is not to be believed: by its code, and with the names that it is for. */
  | { readonly kind: 'doubted'; readonly code: string; readonly names: string | undefined }
  | { readonly kind: 'closed'; readonly handshake: boolean; readonly message: string };

/**
 * What is wrong between both ends with TLS, in words: one does not speak it, or does not believe the other. Undefined if that is not what is wrong. It is found out by
 * trying, because what a failed call says of it depends on the moment at which it failed.
 */
export async function tlsTrouble(error: unknown, connection: Connection): Promise<string | undefined> {
  if (!(error instanceof LiveError) || !unintelligible.test(error.message)) return undefined;
  const found = await Promise.all(connection.endpoints.map((endpoint) => troubleAt(endpoint, connection)));
  return found.find((trouble) => trouble !== undefined);
}

/** The error, or one that says as well what is wrong with TLS. */
export async function explained(error: unknown, connection: Connection): Promise<unknown> {
  const trouble = await tlsTrouble(error, connection);
  if (trouble === undefined || !(error instanceof LiveError)) return error;
  const { code, reason, key } = error;
  return new LiveError(code, `${error.message}: ${trouble}`, {
    reason,
    cause: error,
    ...(key !== undefined && { key }),
  });
}

async function troubleAt(text: string, { tls }: Connection): Promise<string | undefined> {
  const endpoint = parseEndpoint(text) ?? { address: text, security: 'unsaid', webSocket: false };
  const { address, security } = endpoint;
  const secure = security === 'tls' || (security === 'unsaid' && tls !== false);
  const options = typeof tls === 'boolean' ? {} : tls;
  const attempt = await attemptTls(endpoint, options);
  if (!secure) return speaksTls(attempt) ? `${address} speaks TLS: ${withTls(endpoint)}` : undefined;
  switch (attempt.kind) {
    case 'doubted':
      return doubt(address, attempt);
    case 'closed':
      return refusal(endpoint, attempt, options);
    case 'served':
    case 'silent':
      return undefined;
  }
}

/** What to do where TLS is spoken. */
function withTls({ address, security, webSocket }: Endpoint): string {
  if (webSocket) return `write wss://${address}`;
  return security === 'unsaid' ? 'add --tls' : `write https://${address}`;
}

/** What to do where it is not. */
const withoutIt = ({ address, webSocket }: Endpoint): string =>
  webSocket ? `write ws://${address}` : `leave --tls out, or write http://${address}`;

const speaksTls = (attempt: Attempt): boolean =>
  attempt.kind === 'closed' ? attempt.handshake || /alert/i.test(attempt.message) : attempt.kind !== 'silent';

function doubt(address: string, { code, names }: Extract<Attempt, { kind: 'doubted' }>): string {
  switch (code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `the certificate of ${address} is for another name (${names ?? 'it has none'}): use one of its names as the address`;
    case 'CERT_HAS_EXPIRED':
      return `the certificate of ${address} has expired`;
    default:
      return `the certificate of ${address} is not trusted (${code}): name its authority with --ca FILE`;
  }
}

function refusal(
  endpoint: Endpoint,
  { handshake, message }: Extract<Attempt, { kind: 'closed' }>,
  { cert }: TlsOptions,
): string | undefined {
  const { address } = endpoint;
  if (withoutTls.test(message)) return `${address} does not speak TLS: ${withoutIt(endpoint)}`;
  if (/certificate required|handshake failure/i.test(message) && cert === undefined)
    return `${address} wants a certificate of yours: --cert FILE --cert-key FILE`;
  // A gateway that closes the connection after the handshake, before anything was asked of it, did not like what it was shown.
  if (handshake && cert !== undefined) return `${address} does not accept the certificate of --cert`;
  return undefined;
}

function attemptTls(endpoint: Endpoint, { ca, cert, key }: TlsOptions): Promise<Attempt> {
  const address = parseAddress(endpoint.address);
  if (address === undefined) return Promise.resolve({ kind: 'silent' });
  return new Promise((resolve) => {
    const socket = connect({
      ...address,
      ...(isIP(address.host) === 0 && { servername: address.host }),
      ALPNProtocols: [endpoint.webSocket ? 'http/1.1' : 'h2'],
      ca,
      cert,
      key,
      rejectUnauthorized: false,
      timeout: ANSWER_MS,
    });
    let handshake = false;
    let message = '';
    const finish = (attempt: Attempt): void => {
      resolve(attempt);
      socket.destroy();
    };
    socket.once('secureConnect', () => {
      handshake = true;
      if (!socket.authorized) finish(doubted(socket));
    });
    socket.once('data', () => finish({ kind: 'served' }));
    socket.once('timeout', () => finish({ kind: handshake ? 'served' : 'silent' }));
    socket.on('error', (error: Error) => (message = error.message));
    socket.once('close', () => finish({ kind: 'closed', handshake, message }));
  });
}

function doubted(socket: TLSSocket): Attempt {
  // Node's types say that it is an error: it is the code of one.
  const code = String(socket.authorizationError);
  return { kind: 'doubted', code, names: socket.getPeerCertificate().subjectaltname };
}
