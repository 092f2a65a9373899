import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '../../../common/clock.ts';
import type { NatsAccess } from '../access/access.ts';
import { readCredentials } from '../access/credentials.ts';
import { readTls } from '../access/tls-files.ts';
import type { Refusal } from './refusals.ts';
import { refusalOf } from './refusals.ts';
import type { Greeting } from './tls-guard.ts';
import { isOffered, requireTls } from './tls-guard.ts';

/** How long a server may take to show that it takes connections, in milliseconds. */
const GREETING_MS = 2_000;
const DEFAULT_PORT = 4222;

/**
 * Why there is no connection, for each server; `final` when waiting helps with none of them. They are asked in the plainest way, because the
 * NATS client waits until its time is up, whatever a server says; but not more openly: to one that does not offer TLS nothing is sent where
 * that is required.
 * @param otherwise what is said of those that take connections
 */
export async function whyRefused(
  access: NatsAccess,
  otherwise: string,
  clock: Clock,
): Promise<{ readonly reasons: readonly string[]; readonly final: boolean }> {
  const refusals = await Promise.all(access.urls.map((url) => askWhyRefused(url, access, clock)));
  return {
    reasons: access.urls.map((url, index) => `${url}: ${refusals[index]?.reason ?? otherwise}`),
    final: refusals.every((refusal) => refusal?.final === true),
  };
}

/** @returns undefined when the server takes a connection now */
async function askWhyRefused(url: string, access: NatsAccess, clock: Clock): Promise<Refusal | undefined> {
  const { hostname, port } = new URL(url.includes('://') ? url : `nats://${url}`);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const complaint = await greet(host, Number(port || DEFAULT_PORT), access, clock);
  if (complaint === undefined) return undefined;
  try {
    return refusalOf(complaint, host, access, clock.wallMs());
  } catch (error) {
    // The file with the credentials was there a moment ago.
    return { reason: error instanceof Error ? error.message : String(error), final: false };
  }
}

/** What is wrong with a server, if something is. */
function greet(host: string, port: number, access: NatsAccess, clock: Clock): Promise<Error | undefined> {
  let socket: Socket = connect({ host, port });
  return new Promise((resolve) => {
    let received = '';
    let greeted = false;
    const finish = (complaint: unknown): void => {
      timer.cancel();
      socket.destroy();
      const error = complaint instanceof Error ? complaint : new Error(String(complaint));
      resolve(complaint === undefined ? undefined : error);
    };
    const timer = clock.after(GREETING_MS, () => finish(`no answer within ${GREETING_MS / 1_000} s`));
    const listen = (): void => {
      socket.setEncoding('latin1').on('data', (text: string) => {
        try {
          hear(text);
        } catch (error) {
          finish(error);
        }
      });
      socket.on('error', finish).on('close', () => finish('the server closes the connection at once'));
    };
    const hear = (text: string): void => {
      received += text;
      const [, error] = /^-ERR '?(.*?)'?\r\n/m.exec(received) ?? [];
      const [, info] = /^INFO (\{.*\})\s*\r\n/.exec(received) ?? [];
      if (error !== undefined) finish(error);
      else if (!received.startsWith('INFO'.slice(0, received.length)))
        finish('something else than a NATS server answers there: check --nats');
      else if (/^PONG\r\n/m.test(received)) finish(undefined);
      else if (info !== undefined && !greeted) {
        greeted = true;
        answer(JSON.parse(info) as Greeting);
      }
    };
    const answer = (greeting: Greeting): void => {
      const hello = (): void => void socket.write(helloTo(greeting, access));
      if (access.tls.kind === 'required') requireTls(greeting, Buffer.from(received, 'latin1'));
      else if (!isOffered(greeting)) return hello();
      const plain = socket.removeAllListeners();
      const servername = isIP(host) === 0 ? host : '';
      socket = connectTls({ socket: plain, host, servername, ...readTls(access.tls) }, hello);
      listen();
    };
    listen();
  });
}

/** As the NATS client would say it. */
function helloTo({ nonce }: Greeting, { credentials, tls }: NatsAccess): string {
  const hello = {
    verbose: false,
    pedantic: false,
    lang: 'live-gateway',
    version: '1',
    protocol: 1,
    ...(tls.kind === 'required' && { tls_required: true }),
    ...readCredentials(credentials)(nonce),
  };
  return `CONNECT ${JSON.stringify(hello)}\r\nPING\r\n`;
}
