import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../../common/clock.ts';
import type { Sessions } from '../../session/sessions.ts';
import type { Entrance } from '../connections/entrance.ts';
import type { Keepalive } from '../connections/keepalive.ts';
import { peerName } from '../connections/peer-name.ts';
import { PerSecond } from '../connections/per-second.ts';
import { suspect } from '../connections/reception.ts';
import type { AllowedOrigins } from '../http/allowed-origins.ts';
import { writeProblem } from '../http/problem.ts';
import type { WebSocketCarrierDependencies } from './carrier.ts';
import { WebSocketCarrier } from './carrier.ts';
import { FramedMessages } from './framed-messages.ts';
import { readHandshake } from './handshake.ts';
import { KeepaliveSweep } from './keepalive.ts';

/** What WebSockets are served from. */
export interface WebSocketServing {
  readonly entrance: Entrance;
  readonly sessions: Pick<Sessions, 'open'>;
  readonly clock: Clock;
  readonly keepalive: Keepalive;
  /** Frames that end no message which a connection may send in a second. */
  readonly controlFrames: number;
  readonly origins: AllowedOrigins;
}

/** Serves viewers by WebSocket, on connections that an HTTP listener has accepted. */
export class WebSocketServer {
  readonly #serving: WebSocketServing;
  readonly #carriers = new Map<Socket, WebSocketCarrier>();
  readonly #dependencies: WebSocketCarrierDependencies;
  readonly #controlFrames: PerSecond<WebSocketCarrier>;
  readonly #keepalive: KeepaliveSweep;

  constructor(serving: WebSocketServing) {
    const { clock, entrance, keepalive, controlFrames } = serving;
    this.#serving = serving;
    this.#controlFrames = new PerSecond(clock, controlFrames);
    this.#keepalive = new KeepaliveSweep(clock, keepalive, () => this.#carriers.values());
    this.#dependencies = {
      intake: entrance.intake,
      receiving: entrance.receiving,
      framed: new FramedMessages(),
      mayControl: (carrier, socket) => this.#mayControl(carrier, socket),
    };
  }

  /** Takes over a connection that asks for it, or refuses the request. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { entrance, sessions, origins } = this.#serving;
    if (socket.destroyed) return;
    if (!origins.allows(request)) return this.#refuseOrigin(request, socket);
    const handshake = readHandshake(request);
    if (handshake.kind === 'refused') return writeProblem(socket, handshake, handshake.headers);
    const forwarded = request.headers['x-forwarded-for'] ?? [];
    const origin = entrance.origins.ofCall(peerName(socket), () => [forwarded].flat());
    socket.write(handshake.response, 'latin1');
    const carrier = new WebSocketCarrier(socket, origin, handshake, this.#dependencies);
    this.#listen(socket, carrier);
    sessions.open(carrier);
    if (head.length > 0) carrier.onData(head);
  }

  close(): void {
    this.#keepalive.close();
    this.#controlFrames.close();
  }

  #listen(socket: Socket, carrier: WebSocketCarrier): void {
    const carriers = this.#carriers;
    carriers.set(socket, carrier);
    socket.on('close', () => {
      carriers.delete(socket);
      carrier.onClosed();
    });
    socket.on('end', destroy);
    socket.on('data', (bytes: Buffer) => carrier.onData(bytes));
  }

  #mayControl(carrier: WebSocketCarrier, socket: Socket): boolean {
    const may = this.#controlFrames.add(carrier);
    if (!may) {
      const peer = peerName(socket);
      this.#serving.entrance.refusals.refuse('CONTROL_FRAMES', peer);
      suspect(peer, this.#serving.entrance.reception);
      carrier.breakOff('CONTROL_FRAMES: more pings and parts of messages in a second than may be');
    }
    return may;
  }

  #refuseOrigin({ headers: { origin } }: IncomingMessage, socket: Socket): void {
    this.#serving.entrance.refusals.refuse('ORIGIN_NOT_ALLOWED', peerName(socket));
    writeProblem(socket, {
      status: 403,
      reason: 'ORIGIN_NOT_ALLOWED',
      detail: `pages of ${origin?.slice(0, 200)} may not use this gateway (--http-origins)`,
    });
  }
}

function destroy(this: Socket): void {
  this.destroy();
}
