import type { StartInput } from '../../protos/gen/live/v1/Start.ts';
import { FrameCounter } from './frame-counter.ts';
import { LiveCall } from './live-call.ts';
import { LiveWebSocket } from './live-web-socket.ts';
import type { Receiver, ReceiverContext } from './receiver.ts';

const GRPC_PREFIX = 5;

/**
 * A viewer of one room by gRPC that counts reliable messages.
 * @param start where in the room it begins
 * @param features whose frames' messages are then not counted
 */
export function liveCounter(
  context: ReceiverContext,
  start: StartInput,
  features: readonly 'FEATURE_DEFLATE'[] = [],
): Receiver {
  const counter = new FrameCounter(context, GRPC_PREFIX);
  return new LiveCall(context, {
    features,
    join: { room: context.room, start },
    data: (bytes, from, end) => counter.count(bytes, from, end),
  });
}

/**
 * The same by WebSocket.
 * @param start where in the room it begins
 */
export function liveWebSocketCounter(context: ReceiverContext, start: StartInput): Receiver {
  const counter = new FrameCounter(context, 0);
  return new LiveWebSocket(context, {
    join: { room: context.room, start },
    data: (bytes, from, end) => counter.count(bytes, from, end),
  });
}
