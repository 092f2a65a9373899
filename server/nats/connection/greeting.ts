import { connect } from 'node:net';
import type { Clock } from '../../../common/clock.ts';

/** Why a NATS server takes no connection. */
interface Refusal {
  /** In the server's or the system's words, and what to do about it. */
  readonly reason: string;
  /** Whether waiting will not help. */
  readonly final: boolean;
}

/** How long a server may take to show that it takes connections, in milliseconds. */
const GREETING_MS = 2_000;
const DEFAULT_PORT = 4222;
/** As the NATS client would, without credentials. */
const HELLO =
  'CONNECT {"verbose":false,"pedantic":false,"lang":"live-gateway","version":"1","protocol":1}\r\nPING\r\n';

/** What to do about what servers and systems say. */
const ADVICE: readonly (readonly [pattern: RegExp, advice: string, final?: 'final'])[] = [
  [/ECONNREFUSED/, 'connection refused: start the server, or check --nats'],
  [/ENOTFOUND|EAI_AGAIN/, 'no such host: check --nats'],
  [
    /authorization violation/i,
    'Authorization Violation: the server lets nobody in without credentials (see no_auth_user)',
    'final',
  ],
  [/maximum connections exceeded/i, 'maximum connections exceeded: raise max_connections of the server'],
  [
    /maximum account active connections/i,
    'maximum account active connections exceeded: raise the limit of the account',
  ],
];

/**
 * Asks a server in the plainest way why it takes no connection: the NATS client waits until its time is up, whatever a server says.
 * @returns undefined when it takes one now, or can only be asked by TLS
 */
async function askWhyRefused(url: string, clock: Clock): Promise<Refusal | undefined> {
  const complaint = await greet(url, clock);
  if (complaint === undefined) return undefined;
  const [, reason = complaint, final] = ADVICE.find(([pattern]) => pattern.test(complaint)) ?? [];
  return { reason, final: final === 'final' };
}

/**
 * Why there is no connection, for each server; `final` when waiting helps with none of them.
 * @param otherwise what is said of those that take connections
 */
export async function whyRefused(
  urls: readonly string[],
  otherwise: string,
  clock: Clock,
): Promise<{ readonly reasons: readonly string[]; readonly final: boolean }> {
  const refusals = await Promise.all(urls.map((url) => askWhyRefused(url, clock)));
  return {
    reasons: urls.map((url, index) => `${url}: ${refusals[index]?.reason ?? otherwise}`),
    final: refusals.every((refusal) => refusal?.final === true),
  };
}

/** What is wrong with a server, if something is. */
function greet(url: string, clock: Clock): Promise<string | undefined> {
  const { hostname, port } = new URL(url.includes('://') ? url : `nats://${url}`);
  const socket = connect({ host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || DEFAULT_PORT) });
  return new Promise((resolve) => {
    let received = '';
    const finish = (complaint: string | undefined): void => {
      timer.cancel();
      socket.destroy();
      resolve(complaint);
    };
    const timer = clock.after(GREETING_MS, () => finish(`no answer within ${GREETING_MS / 1_000} s`));
    socket.setEncoding('latin1');
    socket.on('connect', () => socket.write(HELLO));
    socket.on('data', (text: string) => {
      received += text;
      const [, error] = /^-ERR '?(.*?)'?\r\n/m.exec(received) ?? [];
      if (error !== undefined) finish(error);
      else if (!received.startsWith('INFO'.slice(0, received.length)))
        finish('something else than a NATS server answers there: check --nats');
      else if (/"tls_required": ?true/.test(received) || /^PONG\r\n/m.test(received)) finish(undefined);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
    socket.on('close', () => finish('the server closes the connection at once'));
  });
}
