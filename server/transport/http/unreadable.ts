import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Problem } from './problem.ts';
import { writeProblem } from './problem.ts';
import type { WaitingAnswers } from './waiting-answers.ts';

/** What Node's parser says of a request that it cannot read begins so. */
const PARSER = 'HPE_';
const TOO_LARGE = 'HPE_HEADER_OVERFLOW';

/**
 * What becomes of a connection on which no request can be read. One that is not understood is answered. One that has not come in time is not, as Node would with 408: a request that
 * was held up on its way comes just then, its sender takes that for the answer to it, and an EventSource never comes again. To a connection that has ended it does.
 */
export function unreadable(answers: Pick<WaitingAnswers, 'begun'>) {
  return ({ code = '' }: NodeJS.ErrnoException, socket: Duplex): void => {
    // Node's types do not say that it is a socket, with TLS or without.
    if (!(socket instanceof Socket) || !code.startsWith(PARSER)) socket.destroy();
    else if (socket.writable && !answers.begun(socket)) writeProblem(socket, problemOf(code));
    else socket.destroySoon();
  };
}

function problemOf(code: string): Problem {
  if (code === TOO_LARGE)
    return {
      status: 431,
      reason: 'REQUEST_INVALID',
      detail: 'the headers of the request are too large: at most 16 KiB',
    };
  return { status: 400, reason: 'REQUEST_INVALID', detail: `the request is no HTTP: ${code}` };
}
