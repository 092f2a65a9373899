import type {
  Metadata,
  sendUnaryData,
  ServerInterceptingCallInterface,
  ServerInterceptor,
  ServerUnaryCall,
  ServerWritableStream,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { ServerInterceptingCall } from '@grpc/grpc-js';
import type { BanRequest } from '../../../protos/gen/live/v1/BanRequest.ts';
import type { DisconnectRequest } from '../../../protos/gen/live/v1/DisconnectRequest.ts';
import type { GetRoomRequest } from '../../../protos/gen/live/v1/GetRoomRequest.ts';
import type { PullRequest } from '../../../protos/gen/live/v1/PullRequest.ts';
import type { PublishRequest } from '../../../protos/gen/live/v1/PublishRequest.ts';
import type { RevokeTokenRequest } from '../../../protos/gen/live/v1/RevokeTokenRequest.ts';
import type { UnbanRequest } from '../../../protos/gen/live/v1/UnbanRequest.ts';
import type { PayloadPath } from '../../../protos/beside-payload.ts';
import { NO_PAYLOAD, PAYLOAD_OF_FRAME, PAYLOAD_OF_REQUEST } from '../../../protos/beside-payload.ts';
import { liveService } from '../../../protos/live.ts';
import { forwardedFor, metadataOf, traceParentIn } from './call-metadata.ts';
import { http2StreamOf } from './http2-stream.ts';
import { MessageDecoder } from './message-decoder.ts';
import type { Origin, Origins } from '../connections/origins.ts';
import type { Receiving } from '../connections/receiving.ts';
import type { RefusalPace } from '../connections/refusal-pace.ts';
import { refusalExplainer } from './refusals.ts';
import { statusOf } from './status.ts';
import type { Asker } from '../../../common/turns.ts';
import { receivedFrame } from '../connections/received-frame.ts';
import type { Span } from '../../observability/tracing.ts';
import type { Access } from '../../session/access.ts';
import type { Caller } from '../../session/publish-service.ts';
import { pull } from '../../session/pull.ts';
import type { Traces } from '../../session/traces.ts';
import { traced } from '../../session/traces.ts';
import type { UnaryContext } from '../../session/unary.ts';
import { accessOf, getRoom, publish } from '../../session/unary.ts';
import { bearerToken } from './bearer-token.ts';

/** A call of Pull; responses are written encoded. */
type PullCall = ServerWritableStream<PullRequest, Buffer>;

const alreadyEncoded = (frame: Buffer): Buffer => frame;

/**
 * The methods of `live.v1.Live`. Streams are written encoded: a frame is encoded once, however many viewers it
 * goes to, and bytes that are no frame reach the session, which says so.
 */
export const liveMethods = {
  ...liveService,
  Connect: { ...liveService.Connect, requestDeserialize: receivedFrame, responseSerialize: alreadyEncoded },
  Pull: { ...liveService.Pull, responseSerialize: alreadyEncoded },
};

/** Where the payload is in what clients send by each method; by others there is none. */
const PAYLOADS: ReadonlyMap<string, PayloadPath> = new Map([
  [liveMethods.Connect.path, PAYLOAD_OF_FRAME],
  [liveMethods.Publish.path, PAYLOAD_OF_REQUEST],
]);

/**
 * Has the messages of every call put together by ours, and makes calls of Connect sessions before grpc-js puts a stream of its own on top of each: that
 * would take 2 KB a viewer. All other calls go on to their handlers.
 * @param open serves a viewer whose stream the call is
 * @param watch sees to calls of other methods; `encoded`: their messages are sent as they are
 */
export function liveInterceptor(
  open: (call: ServerInterceptingCallInterface, decoder: MessageDecoder) => void,
  watch: (call: ServerInterceptingCallInterface, encoded: boolean) => void,
  receiving: Receiving,
  origins: Origins,
  refusalPace: Pick<RefusalPace, 'answer'>,
): ServerInterceptor {
  const { refusals } = receiving;
  const originOf = (call: ServerInterceptingCallInterface): Origin =>
    origins.ofCall(call.getPeer(), () => forwardedFor(metadataOf(call)));
  const explainRefusals = refusalExplainer(refusals, (call, answer) =>
    refusalPace.answer(originOf(call).address, http2StreamOf(call), answer),
  );
  return ({ path, requestStream }, call) => {
    explainRefusals(call);
    const start = (next: () => void): void => {
      try {
        const form = requestStream ? 'stream' : 'one';
        const payload = PAYLOADS.get(path) ?? NO_PAYLOAD;
        const decoder = MessageDecoder.replace(call, form, payload, receiving, originOf(call));
        if (path === liveMethods.Connect.path) open(call, decoder);
        else {
          watch(call, path === liveMethods.Pull.path);
          next();
        }
      } catch (error) {
        // Nobody above catches it, and one viewer's trouble must not become everybody's.
        call.sendStatus(statusOf(refusals.refuse(error, { method: path }, 'a call was refused')));
      }
    };
    return new ServerInterceptingCall(call, { start });
  };
}

/** Handlers for {@link liveMethods}, but for Connect: see {@link liveInterceptor}; and for those of `live.v1.Moderation`. */
export function liveHandlers(context: UnaryContext, origins: Origins): UntypedServiceImplementation {
  const { moderation } = context;
  return {
    Pull: (call: PullCall) => void servePull(context, call, groupOf(call)),
    Publish: unary((request: PublishRequest, caller) => publish(context, request, caller)),
    GetRoom: unary((request: GetRoomRequest, caller) => getRoom(context, request, caller)),
    Ban: unary((request: BanRequest, caller) => moderation.ban(request, caller)),
    Unban: unary((request: UnbanRequest, caller) => moderation.unban(request, caller)),
    Disconnect: unary((request: DisconnectRequest, caller) => moderation.disconnect(request, caller)),
    RevokeToken: unary((request: RevokeTokenRequest, caller) => moderation.revokeToken(request, caller)),
  };

  /** Who takes turns with others: a client, whatever proxy it comes by. */
  function groupOf(call: Pick<PullCall, 'getPeer' | 'metadata'>): string {
    return origins.ofCall(call.getPeer(), () => forwardedFor(call.metadata)).name;
  }

  function unary<Request, Response>(answer: (request: Request, caller: Caller & Asker) => Promise<Response>) {
    return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
      const gone = new AbortController();
      call.on('cancelled', () => gone.abort());
      const remainingMs = Number(call.getDeadline()) - context.clock.wallMs();
      const group = groupOf(call);
      let caller: CallerFacts = { peer: group };
      const trace = context.traces && spanOf(context.traces, call);
      const answered = traced(trace, async () => {
        const access = await accessOf(context, bearerToken(call.metadata));
        caller = callerFacts(group, access);
        return answer(call.request, { access, group, signal: gone.signal, remainingMs, trace });
      });
      answered.then(
        (response) => callback(null, response),
        (error: unknown) => {
          const facts = { method: call.getPath(), ...caller, trace: trace?.traceId };
          const failure = context.refusals.refuse(error, facts, 'a call was refused');
          callback(statusOf(failure));
        },
      );
    };
  }
}

/** Who calls, for the log: as far as is known. */
interface CallerFacts {
  readonly peer: string;
  readonly user?: string | undefined;
  readonly tokenId?: string | undefined;
}

const callerFacts = (peer: string, { user, tokenId }: Access): CallerFacts => ({ peer, user, tokenId });

async function servePull(context: UnaryContext, call: PullCall, group: string): Promise<void> {
  const gone = new AbortController();
  call.on('cancelled', () => gone.abort());
  call.on('close', () => gone.abort());
  let caller: CallerFacts = { peer: group };
  const trace = context.traces && spanOf(context.traces, call);
  try {
    await traced(trace, async () => {
      const access = await accessOf(context, bearerToken(call.metadata));
      caller = callerFacts(group, access);
      for await (const part of pull(context, call.request, { access, group }, gone.signal))
        await written(call, part, gone.signal);
    });
    call.end();
  } catch (error) {
    const room = call.request.room.slice(0, 80);
    const facts = { method: call.getPath(), room, ...caller, trace: trace?.traceId };
    const failure = context.refusals.refuse(error, facts, 'a call was refused');
    call.emit('error', statusOf(failure));
  }
}

function spanOf(traces: Traces, call: { getPath(): string; readonly metadata: Metadata }): Span {
  const method = call.getPath().slice(1);
  const attributes = { 'rpc.system.name': 'grpc', 'rpc.method': method, 'rpc.response.status_code': 'OK' };
  return traces.call({ name: method, attributes, parent: traceParentIn(call.metadata) });
}

/** Resolves when the part was handed over, or nobody is there any more to take it. */
function written(call: PullCall, part: Buffer, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      gone.removeEventListener('abort', done);
      resolve();
    };
    if (gone.aborted) return done();
    gone.addEventListener('abort', done);
    call.write(part, done);
  });
}
