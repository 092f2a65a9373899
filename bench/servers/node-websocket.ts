import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { batchFrame } from '../../server/log/entry-codec.ts';
import { bareFrame } from '../../server/log/frame-prefix.ts';
import { binaryMessage } from '../../server/transport/websocket/frames.ts';
import { caughtUp, joinedRoom, RoomTails } from './room-tail.ts';

/*
 * The floor of sockets: WebSocket messages lie ready in the blocks, and a write is a view of them. Its arguments are its
 * port and the address of NATS.
 */

const [PORT, NATS_URL] = process.argv.slice(2) as [string, string];
const message = (frame: Buffer): Buffer => binaryMessage(frame, Infinity);
const tails = await RoomTails.connect(NATS_URL, (room, entry) =>
  message(bareFrame(batchFrame(room, [entry]))),
);

async function serve(socket: Duplex, room: string): Promise<void> {
  const leave = await tails.join(room, (messages, done) => socket.write(messages, done));
  socket.on('close', leave);
  socket.write(message(caughtUp(room)));
}

const webSockets = new WebSocketServer({ noServer: true });
const server = createServer();
server.on('upgrade', (request, socket, head) => {
  webSockets.handleUpgrade(request, socket, head, (webSocket) => {
    webSocket.on('message', (frame: Buffer) => {
      const room = joinedRoom(frame);
      if (room !== undefined) void serve(socket, room);
    });
    webSocket.on('error', () => undefined);
  });
});
server.listen({ host: '127.0.0.1', port: Number(PORT), backlog: 4096 });
