import type { Socket } from 'node:net';
import type { Intake } from '../connections/intake.ts';
import type { HttpRoute } from './server.ts';

/** Begins with requests when it is their turn: one read of a connection may bring hundreds of them. */
export function inTurn(route: HttpRoute, intake: Pick<Intake, 'enter'>): HttpRoute {
  return {
    prefix: route.prefix,
    handle(request, response, url): void {
      const { socket } = request;
      intake.enter(
        socket,
        {
          isGone: () => socket.destroyed,
          begin: () => route.handle(request, response, url),
          drop: () => undefined,
        },
        reading,
      );
    },
  };
}

function reading(socket: Socket, on: boolean): void {
  if (on) socket.resume();
  else socket.pause();
}
