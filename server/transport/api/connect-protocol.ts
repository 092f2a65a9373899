import type { ServerResponse } from 'node:http';
import type { PayloadPath } from '../../../protos/beside-payload.ts';
import { NO_PAYLOAD, PAYLOAD_OF_REQUEST, requireSmallBesidePayload } from '../../../protos/beside-payload.ts';
import { liveService } from '../../../protos/live.ts';
import { REASON_METADATA_KEY } from '../../../protos/vocabulary.ts';
import { MAX_REQUEST_BYTES } from '../../log/sizes.ts';
import type { Span } from '../../observability/tracing.ts';
import type { Access } from '../../session/access.ts';
import { Failure } from '../../session/failure.ts';
import { pull } from '../../session/pull.ts';
import { getRoom, publish } from '../../session/unary.ts';
import { leaveUnread } from '../http/problem.ts';
import type { HttpRoute } from '../http/server.ts';
import { readBody } from './body.ts';
import { connectErrorOf } from './connect-errors.ts';
import type { ApiDependencies } from './dependencies.ts';
import { endEnvelope, messageEnvelope, onlyMessage } from './envelopes.ts';
import type { HttpCall } from './http-call.ts';
import type { Answer, Refuse } from './serve-call.ts';
import { serveCall, tooLate, withinDeadline } from './serve-call.ts';
import { httpStatusOf } from '../http/statuses.ts';

/** A method as the Connect protocol serves it (https://connectrpc.com/docs/protocol). */
interface Method {
  /** Of requests and answers. */
  readonly contentType: 'application/proto' | 'application/connect+proto';
  readonly answer: Answer;
  readonly refuse: Refuse;
}

/** `live.v1.Live` by the Connect protocol, as far as HTTP/1.1 carries it, in binary Protocol Buffers. */
export function connectRoute(dependencies: ApiDependencies): HttpRoute {
  const methods = connectMethods(dependencies);
  return {
    prefix: '/live.v1.Live/',
    handle(request, response, url): void {
      const method = methods.get(url.pathname);
      if (method === undefined) return sendBare(response, 404);
      if (request.method !== 'POST') return sendBare(response, 405, { allow: 'POST' });
      if (request.headers['content-type'] !== method.contentType)
        return sendBare(response, 415, { 'accept-post': method.contentType });
      const name = url.pathname.slice(1);
      const span = { name, attributes: { 'rpc.system.name': 'connectrpc', 'rpc.method': name } };
      void serveCall(dependencies, { request, response, url, span }, method.answer, method.refuse);
    },
  };
}

function connectMethods(dependencies: ApiDependencies): ReadonlyMap<string, Method> {
  const { context } = dependencies;
  const { GetRoom, Publish, Pull } = liveService;
  return new Map<string, Method>([
    [
      GetRoom.path,
      unary(NO_PAYLOAD, async (body, caller) =>
        GetRoom.responseSerialize(await getRoom(context, decoded(GetRoom, body), caller)),
      ),
    ],
    [
      Publish.path,
      unary(PAYLOAD_OF_REQUEST, async (body, caller) =>
        Publish.responseSerialize(await publish(context, decoded(Publish, body), caller)),
      ),
    ],
    [Pull.path, { contentType: 'application/connect+proto', answer: answerPull, refuse: refuseStream }],
  ]);

  function unary(
    payload: PayloadPath,
    answer: (body: Buffer, caller: ConnectCaller) => Promise<Buffer>,
  ): Method {
    return {
      contentType: 'application/proto',
      async answer(call, access) {
        const timeoutMs = timeoutOf(call);
        const body = await bodyOf(dependencies, call);
        requireCheap(body, payload);
        const caller = {
          access,
          group: call.group,
          signal: call.gone,
          remainingMs: timeoutMs ?? Infinity,
          trace: call.trace,
        };
        const answered = await withinDeadline(dependencies, timeoutMs, answer(body, caller));
        call.response.setHeader('content-type', 'application/proto');
        call.end(answered);
      },
      refuse: refuseUnary,
    };
  }

  async function answerPull(call: HttpCall, access: Access): Promise<void> {
    const timeoutMs = timeoutOf(call);
    const body = onlyMessage(await bodyOf(dependencies, call));
    requireCheap(body, NO_PAYLOAD);
    const request = decoded(Pull, body);
    const over = new AbortController();
    call.gone.addEventListener('abort', () => over.abort());
    const timer = timeoutMs === undefined ? undefined : context.clock.after(timeoutMs, () => over.abort());
    try {
      // A part that has begun is sent whole: the end could not be told from it.
      for await (const part of pull(context, request, { access, group: call.group }, over.signal))
        await writePart(call, part);
    } finally {
      timer?.cancel();
    }
    if (call.gone.aborted) return;
    if (timeoutMs !== undefined && over.signal.aborted) throw tooLate(timeoutMs);
    beginStream(call);
    call.end(endEnvelope({}));
  }
}

/** Who calls, and for how long he waits. */
interface ConnectCaller {
  readonly access: Access;
  readonly group: string;
  readonly signal: AbortSignal;
  readonly remainingMs: number;
  readonly trace: Span | undefined;
}

function bodyOf({ entrance }: ApiDependencies, { request, origin }: HttpCall): Promise<Buffer> {
  return readBody(request, origin, entrance.receiving, MAX_REQUEST_BYTES);
}

/** @throws Failure */
function decoded<T>({ requestDeserialize }: { requestDeserialize: (bytes: Buffer) => T }, body: Buffer): T {
  try {
    return requestDeserialize(body);
  } catch (cause) {
    const text = 'the bytes are not a request of the method: check the version of the client';
    throw new Failure('MALFORMED_FRAME', text, { cause });
  }
}

/** @throws Failure */
function requireCheap(body: Buffer, payload: PayloadPath): void {
  try {
    requireSmallBesidePayload(body, payload);
  } catch (cause) {
    throw new Failure('REQUEST_TOO_LARGE', `the request is ${(cause as Error).message}`, { cause });
  }
}

/** @throws Failure */
function timeoutOf({ request }: HttpCall): number | undefined {
  const text = request.headers['connect-timeout-ms'];
  if (text === undefined) return undefined;
  if (typeof text === 'string' && /^\d{1,10}$/.test(text)) return Number(text);
  throw new Failure('REQUEST_INVALID', 'connect-timeout-ms: not a number of milliseconds');
}

async function writePart(call: HttpCall, part: Buffer): Promise<void> {
  beginStream(call);
  await call.write(messageEnvelope(part));
}

function beginStream({ response }: HttpCall): void {
  if (!response.headersSent) response.setHeader('content-type', 'application/connect+proto');
}

const refuseUnary: Refuse = (call, failure) => {
  const { response } = call;
  response.statusCode = httpStatusOf(failure);
  response.setHeader('content-type', 'application/json');
  response.setHeader(REASON_METADATA_KEY, failure.reason);
  call.end(JSON.stringify(connectErrorOf(failure)));
};

/** The status of HTTP is 200 in any case. */
const refuseStream: Refuse = (call, failure) => {
  beginStream(call);
  const metadata = { [REASON_METADATA_KEY]: [failure.reason] };
  call.end(endEnvelope({ error: connectErrorOf(failure), metadata }));
};

/** There is no error of Connect for what is not a call. */
function sendBare(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  leaveUnread(response);
  response.writeHead(status, headers).end();
}
