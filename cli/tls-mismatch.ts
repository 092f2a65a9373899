import { connect } from 'node:tls';
import { LiveError } from '../client/index.ts';
import { parseAddress } from '../common/units.ts';

/** How long a handshake may take, in milliseconds. */
const HANDSHAKE_MS = 2_000;

/** What grpc-js says when a connection ends before anything was understood on it. */
const unintelligible = /Failed to connect|Connection dropped|Protocol error/i;

/** The advice for an endpoint that wants TLS, which this tool does not speak. */
const wantsTls = (endpoint: string): string =>
  `${endpoint} speaks TLS, and live-cli does not: name the port that is without, or one behind a proxy that ends TLS`;

/** What is wrong if OpenSSL has met something else than TLS. */
const withoutTls = /wrong version number|packet length too long|http request/i;

/**
 * Whether one end speaks TLS and the other does not, in words; undefined if that is not what is wrong.
 * @param endpoints host:port each
 */
export async function tlsMismatch(error: unknown, endpoints: readonly string[]): Promise<string | undefined> {
  if (!(error instanceof LiveError)) return undefined;
  if (withoutTls.test(error.message)) return 'the gateway does not speak TLS there: connect without';
  if (!unintelligible.test(error.message)) return undefined;
  const answers = await Promise.all(endpoints.map(speaksTls));
  const found = endpoints.find((_endpoint, index) => answers[index]);
  return found === undefined ? undefined : wantsTls(found);
}

/** The error, or one that says as well that the port is one for TLS. */
export async function explained(error: unknown, endpoints: readonly string[]): Promise<unknown> {
  const mismatch = await tlsMismatch(error, endpoints);
  if (mismatch === undefined || !(error instanceof LiveError)) return error;
  const { code, reason, key } = error;
  return new LiveError(code, `${error.message}: ${mismatch}`, {
    reason,
    cause: error,
    ...(key !== undefined && { key }),
  });
}

/** Whether a server finishes, or refuses, a handshake of TLS. Whose certificate it has does not matter. */
function speaksTls(endpoint: string): Promise<boolean> {
  const address = parseAddress(endpoint);
  if (address === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect({
      ...address,
      ALPNProtocols: ['h2'],
      rejectUnauthorized: false,
      timeout: HANDSHAKE_MS,
    });
    const finish = (speaks: boolean): void => {
      socket.destroy();
      resolve(speaks);
    };
    socket.once('secureConnect', () => finish(true));
    socket.once('timeout', () => finish(false));
    // It may want a certificate of ours: an alert is TLS, too.
    socket.on('error', (error: Error) => finish(/alert/i.test(error.message)));
  });
}
