import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Answers that wait behind another on their connection, because requests came without waiting for answers. When a connection is lost Node says so to the answer whose
 * turn it is, by its event `close`, and to none of those behind it: whatever was done for them would be done, and held, for ever. Here all of them are told.
 */
export class WaitingAnswers {
  readonly #waiting = new WeakMap<Socket, Set<ServerResponse>>();
  readonly #last = new WeakMap<Socket, ServerResponse>();

  /** To be called with every answer before anything is done for it. */
  watch(response: ServerResponse): void {
    this.#last.set(response.req.socket, response);
    // Its turn has come at once, as mostly.
    if (response.socket !== null) return;
    const waiting = this.#of(response.req.socket);
    waiting.add(response);
    response.once('socket', () => waiting.delete(response));
  }

  /** Whether all is answered that has come by a connection; calls `then` when it is, if it is not. */
  afterLast(socket: Socket, then: () => void): boolean {
    const last = this.#last.get(socket);
    if (last === undefined || last.writableFinished || last.destroyed) return true;
    last.once('close', then);
    return false;
  }

  /** Whether an answer is under way on a connection, so that nothing else can be said. */
  begun(socket: Socket): boolean {
    const last = this.#last.get(socket);
    if (last === undefined || last.writableFinished || last.destroyed) return false;
    return last.socket === null || last.headersSent;
  }

  #of(socket: Socket): Set<ServerResponse> {
    const known = this.#waiting.get(socket);
    if (known !== undefined) return known;
    const waiting = new Set<ServerResponse>();
    this.#waiting.set(socket, waiting);
    socket.once('close', () => {
      for (const response of waiting) response.destroy().emit('close');
      waiting.clear();
    });
    return waiting;
  }
}
