import type { sendUnaryData, ServerUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { GetRoomRequest } from '../../protos/gen/live/v1/GetRoomRequest.ts';
import type { PublishRequest } from '../../protos/gen/live/v1/PublishRequest.ts';
import { decodeClientFrame, liveService } from '../../protos/live.ts';
import { refuse } from './failure.ts';
import type { ConnectCall, Received } from './session.ts';
import type { Sessions } from './sessions.ts';
import type { PullCall } from './pull.ts';
import { pull } from './pull.ts';
import type { UnaryContext } from './unary.ts';
import { getRoom, publish } from './unary.ts';

const alreadyEncoded = (frame: Buffer): Buffer => frame;

function receive(bytes: Buffer): Received {
  try {
    return { kind: 'frame', frame: decodeClientFrame(bytes) };
  } catch {
    return { kind: 'garbage' };
  }
}

/**
 * The methods of `live.v1.Live`. Streams are written encoded: a frame is encoded once, however many viewers it
 * goes to, and bytes that are no frame reach the session, which says so.
 */
export const liveMethods = {
  ...liveService,
  Connect: { ...liveService.Connect, requestDeserialize: receive, responseSerialize: alreadyEncoded },
  Pull: { ...liveService.Pull, responseSerialize: alreadyEncoded },
};

/** Handlers for {@link liveMethods}. */
export function liveHandlers(sessions: Sessions, context: UnaryContext): UntypedServiceImplementation {
  return {
    Connect: (call: ConnectCall) => sessions.open(call),
    Pull: (call: PullCall) => void pull(context, call),
    Publish: unary((request: PublishRequest, signal) => publish(context, request, signal)),
    GetRoom: unary((request: GetRoomRequest) => getRoom(context, request)),
  };

  function unary<Request, Response>(answer: (request: Request, signal: AbortSignal) => Promise<Response>) {
    return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
      const gone = new AbortController();
      call.on('cancelled', () => gone.abort());
      answer(call.request, gone.signal).then(
        (response) => callback(null, response),
        (error: unknown) => {
          const failure = refuse(context.logger, error, { method: call.getPath() }, 'a call was refused');
          callback(failure.toStatus());
        },
      );
    };
  }
}
