import type { ServerHttp2Stream } from 'node:http2';
import { createServer } from 'node:http2';
import { batchFrame } from '../../server/log/entry-codec.ts';
import { prefixedFrame } from '../../server/log/frame-prefix.ts';
import { GrpcMessages } from '../wire/grpc-messages.ts';
import { caughtUp, joinedRoom, RoomTails } from './room-tail.ts';

/*
 * The floor of node:http2: gRPC messages lie ready in the blocks, and a write is a view of them. Its arguments are its
 * port and the address of NATS.
 */

const [PORT, NATS_URL] = process.argv.slice(2) as [string, string];
const tails = await RoomTails.connect(NATS_URL, (room, entry) => batchFrame(room, [entry]));

async function serve(stream: ServerHttp2Stream, room: string): Promise<void> {
  const leave = await tails.join(room, (messages, done) => stream.write(messages, done));
  stream.on('close', leave);
  stream.write(prefixedFrame(caughtUp(room)));
}

const server = createServer();
server.on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
  const request = new GrpcMessages((frame) => {
    const room = joinedRoom(frame);
    if (room !== undefined) void serve(stream, room);
  });
  stream.on('data', (bytes: Buffer) => request.receive(bytes, 0, bytes.length));
  stream.on('error', () => undefined);
});
server.listen({ host: '127.0.0.1', port: Number(PORT), backlog: 4096 });
