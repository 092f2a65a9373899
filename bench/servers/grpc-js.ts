import type { ServerDuplexStream } from '@grpc/grpc-js';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { liveService } from '../../protos/live.ts';
import { batchFrame } from '../../server/log/entry-codec.ts';
import { bareFrame } from '../../server/log/frame-prefix.ts';
import { caughtUp, joinedRoom, RoomTails } from './room-tail.ts';

/* The floor of grpc-js: one frame a write around what has come. Its arguments are its port and the address of NATS. */

const [PORT, NATS_URL] = process.argv.slice(2) as [string, string];
const asItIs = (bytes: Buffer): Buffer => bytes;
const tails = await RoomTails.connect(NATS_URL, (_, entry) => entry);

async function serve(call: ServerDuplexStream<Buffer, Buffer>, room: string): Promise<void> {
  const leave = await tails.join(room, (entries, done) =>
    call.write(bareFrame(batchFrame(room, [entries])), done),
  );
  call.on('cancelled', leave);
  call.write(caughtUp(room));
}

// As the gateway has it: connections are pinged, and channelz does not note every message of every one of them.
const server = new Server({
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.enable_channelz': 0,
});
server.addService(
  { Connect: { ...liveService.Connect, requestDeserialize: asItIs, responseSerialize: asItIs } },
  {
    Connect(call: ServerDuplexStream<Buffer, Buffer>) {
      call.on('data', (frame: Buffer) => {
        const room = joinedRoom(frame);
        if (room !== undefined) void serve(call, room);
      });
      call.on('error', () => undefined);
    },
  },
);
server.bindAsync(`127.0.0.1:${PORT}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
