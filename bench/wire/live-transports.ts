import type { JoinInput } from '../../protos/gen/live/v1/Join.ts';
import { GrpcMessages } from './grpc-messages.ts';
import { LiveCall } from './live-call.ts';
import { LiveWebSocket } from './live-web-socket.ts';
import type { Receiver, ReceiverContext } from './receiver.ts';

/** A viewer of one room that gets the gateway's frames one by one, each a whole ServerFrame. */
export type LiveTransport = (
  context: ReceiverContext,
  join: JoinInput,
  hear: (frame: Buffer) => void,
) => Receiver;

/** By gRPC. */
export const liveByGrpc: LiveTransport = (context, join, hear) => {
  const messages = new GrpcMessages(hear);
  return new LiveCall(context, { join, data: (bytes, start, end) => messages.receive(bytes, start, end) });
};

/** By WebSocket. */
export const liveByWebSocket: LiveTransport = (context, join, hear) => {
  let pieces: Buffer[] = [];
  return new LiveWebSocket(context, {
    join,
    data: (bytes, start, end) => void pieces.push(Buffer.from(bytes.subarray(start, end))),
    ended() {
      const frame = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
      pieces = [];
      hear(frame);
    },
  });
};
