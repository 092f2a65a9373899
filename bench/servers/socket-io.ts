import { createServer } from 'node:http';
import { Server } from 'socket.io';

/*
 * A Socket.IO server as its documentation shows it: rooms, WebSocket only, connection state recovery on. Its port is
 * the only argument.
 */

interface Events {
  publish(room: string, payload: string): void;
  message(payload: string): void;
}

const http = createServer();
const io = new Server<Events, Events>(http, { transports: ['websocket'], connectionStateRecovery: {} });
io.on('connection', (socket) => {
  const { room } = socket.handshake.query;
  if (typeof room === 'string') void socket.join(room);
  socket.on('publish', (target, payload) => void io.to(target).emit('message', payload));
});
http.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 });
