import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { writeProblem } from './problem.ts';
import type { WaitingAnswers } from './waiting-answers.ts';

/** Takes over connections that are to speak WebSocket. */
export type UpgradeHandler = (request: IncomingMessage, socket: Socket, head: Buffer) => void;

/** What becomes of connections that ask for another protocol. */
export interface Upgrading {
  readonly upgrade: UpgradeHandler;
  readonly answers: Pick<WaitingAnswers, 'afterLast'>;
  /** Serves a connection as if it had just been accepted. */
  readonly serve: (socket: Socket) => void;
}

/** Node lets go of every connection that asks for another protocol, whatever that is, and whatever has not been answered before: what is to become of it. */
export function upgrading({ upgrade, answers, serve }: Upgrading) {
  // Node's types do not say that it is a socket, with TLS or without.
  return (request: IncomingMessage, socket: unknown, head: Buffer): void => {
    if (!(socket instanceof Socket)) return;
    socket.on('error', destroy);
    if (!answers.afterLast(socket, () => refuse(socket))) {
      // Read, so that its end is seen: those who wait behind it have to be told.
      socket.on('end', destroy).resume();
    } else if (request.headers.upgrade?.toLowerCase() === 'websocket') upgrade(request, socket, head);
    else serveWithout(request, socket, head, serve);
  };
}

/** Whoever does not speak a protocol that is offered goes on without (RFC 9110, section 7.8): clients of Java offer HTTP/2 with every request. */
function serveWithout(
  { method, url, rawHeaders }: IncomingMessage,
  socket: Socket,
  head: Buffer,
  serve: (socket: Socket) => void,
): void {
  const headers = rawHeaders.flatMap((name, at) =>
    at % 2 === 1 || OF_UPGRADES.has(name.toLowerCase()) ? [] : [`${name}: ${rawHeaders[at + 1]}`],
  );
  // What Node leaves of the parser before is only for one more request.
  const lines = [`${method} ${url} HTTP/1.1`, ...headers, 'Connection: close'];
  const again = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  socket.unshift(Buffer.concat([again, head]));
  serve(socket);
}

const OF_UPGRADES: ReadonlySet<string> = new Set(['connection', 'upgrade', 'http2-settings']);

function refuse(socket: Socket): void {
  if (!socket.writable) return;
  writeProblem(socket, {
    status: 400,
    reason: 'REQUEST_INVALID',
    detail: 'another protocol is asked for when all is answered that was asked before: wait for it',
  });
}

function destroy(this: Socket): void {
  this.destroy();
}
