import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../../common/clock.ts';
import type { Sessions } from '../../session/sessions.ts';
import type { Entrance } from '../connections/entrance.ts';
import { peerName } from '../connections/peer-name.ts';
import { writeProblem } from '../http/problem.ts';
import { WebSocketCarrier } from './carrier.ts';
import type { WebSocketCarrierDependencies } from './carrier.ts';
import { FramedMessages } from './framed-messages.ts';
import { readHandshake } from './handshake.ts';

/** What WebSockets are served from. */
export interface WebSocketServing {
  readonly entrance: Entrance;
  readonly sessions: Pick<Sessions, 'open'>;
  readonly clock: Clock;
}

/** Serves viewers by WebSocket, on connections that an HTTP listener has accepted. */
export class WebSocketServer {
  readonly #entrance: Entrance;
  readonly #sessions: Pick<Sessions, 'open'>;
  readonly #carriers = new Map<Socket, WebSocketCarrier>();
  readonly #dependencies: WebSocketCarrierDependencies;

  constructor({ entrance, sessions }: WebSocketServing) {
    this.#entrance = entrance;
    this.#sessions = sessions;
    const { intake, receiving } = entrance;
    this.#dependencies = { intake, receiving, framed: new FramedMessages(), mayControl: () => true };
  }

  /** Takes over a connection that asks for it, or refuses the request. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const handshake = readHandshake(request);
    if (handshake.kind === 'refused') return writeProblem(socket, handshake, handshake.headers);
    const forwarded = request.headers['x-forwarded-for'] ?? [];
    const origin = this.#entrance.origins.ofCall(peerName(socket), () => [forwarded].flat());
    socket.write(handshake.response);
    const carrier = new WebSocketCarrier(socket, origin, handshake.token, this.#dependencies);
    const carriers = this.#carriers;
    carriers.set(socket, carrier);
    socket.on('close', () => {
      carriers.delete(socket);
      carrier.onClosed();
    });
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => carrier.onData(bytes));
    this.#sessions.open(carrier);
    if (head.length > 0) carrier.onData(head);
  }
}
