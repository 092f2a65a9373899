import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import type { ClientFrame, ServerFrameInput } from '../../protos/live.ts';
import { decodeClientFrame, encodeServerFrame } from '../../protos/live.ts';

const HEARTBEAT_MS = 200;

/** A stream at its gateway's end. */
export interface ServerStream {
  readonly send: (frame: ServerFrameInput) => void;
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
}

/** What a gateway by hand does beside its duties. */
export interface HandMadeBehaviour {
  /** Told of each frame that came, after it was answered. */
  readonly frame?: (stream: ServerStream, frame: ClientFrame) => void;
  /** Answers requests that are no WebSockets. */
  readonly request?: RequestListener;
}

/** A gateway for WebSockets that is made by hand: it welcomes, answers joins and pings, and beats. */
export async function handMadeWebSocketGateway({ frame, request }: HandMadeBehaviour = {}) {
  const http = createServer(request);
  const server = new WebSocketServer({ server: http, path: '/v1/connect' });
  server.on('connection', (socket, upgrade) => {
    const send = (sent: ServerFrameInput): void => socket.send(encodeServerFrame(sent));
    const beat = setInterval(() => send({ heartbeat: {} }), HEARTBEAT_MS);
    socket.on('close', () => clearInterval(beat)).on('error', () => undefined);
    socket.on('message', (data: Buffer) => {
      const came = decodeClientFrame(data);
      const { hello, join, ping } = came;
      if (hello) send({ welcome: { session: 's', heartbeatMs: HEARTBEAT_MS, limits: { publishes: 1 } } });
      if (join) {
        const cursor = { epoch: 'e', seq: 1, fingerprint: 0 };
        send({ joined: { room: join.room, cursor, head: 1, outcome: 'OUTCOME_STARTED' } });
        send({ caughtUp: { room: join.room, cursor } });
      }
      if (ping) send({ pong: { nonce: ping.nonce } });
      frame?.({ send, socket, request: upgrade }, came);
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  return {
    port,
    endpoint: `ws://127.0.0.1:${port}`,
    streams: server.clients,
    async [Symbol.asyncDispose]() {
      for (const each of server.clients) each.terminate();
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
}
