import type { IncomingMessage, ServerResponse } from 'node:http';
import { MAX_JSON_REQUEST_BYTES } from '../../log/sizes.ts';
import type { Access } from '../../session/access.ts';
import { Failure } from '../../session/failure.ts';
import { pull } from '../../session/pull.ts';
import { getRoom, publish } from '../../session/unary.ts';
import type { Problem } from '../http/problem.ts';
import { sendProblem } from '../http/problem.ts';
import { requestIdOf } from '../http/request-id.ts';
import { requestOrigin } from '../http/request-origin.ts';
import type { HttpRoute } from '../http/server.ts';
import { BatchTexts } from '../sse/batch-texts.ts';
import { serveEvents } from '../sse/events.ts';
import { readBody } from './body.ts';
import type { ApiDependencies } from './dependencies.ts';
import type { HttpCall } from './http-call.ts';
import { pageRequest, pageText } from './page.ts';
import { parsePublishBody } from './publish-body.ts';
import type { Answer, Refuse } from './serve-call.ts';
import { serveCall } from './serve-call.ts';
import { problemOf } from '../http/statuses.ts';
import type { RoomState, RoomStateInput } from '../../../protos/gen/live/v1/RoomState.ts';
import { liveService } from '../../../protos/live.ts';
import { stateJson } from '../json/state-json.ts';

/** What is asked of a room. */
interface RoomRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly room: string;
}

/** The route, and what there is at a path of it. */
export interface RoomsRoute extends HttpRoute {
  readonly methodsAt: (pathname: string) => readonly string[];
}

type RoomAnswer = (call: HttpCall, access: Access, room: string) => Promise<void>;
type Methods = Readonly<Record<string, (asked: RoomRequest) => void>>;

const PREFIX = '/v1/rooms/';
/** What `Idempotency-Key` may be. */
const IDEMPOTENCY_KEY = /^(?:"([ !#-~]{1,256})"|([!#-~]{1,256}))$/;

/** Rooms over HTTP: described, read page by page, published in, and watched. */
export function roomsRoute(dependencies: ApiDependencies): RoomsRoute {
  const { context, sessions, entrance, random, eventsLifetimeMs: lifetimeMs } = dependencies;
  const alone = (): boolean => sessions.alone;
  const events = { texts: new BatchTexts(), random, clock: context.clock, lifetimeMs, alone };
  const reading = (resource: string, answer: RoomAnswer): Methods => {
    const serve = serving(resource, answer);
    return { GET: serve, HEAD: serve };
  };
  const resources: Readonly<Record<string, Methods>> = {
    '': reading('', describe),
    messages: { ...reading('/messages', readPage), POST: serving('/messages', publishMessage) },
    events: { GET: watch },
  };

  return {
    prefix: PREFIX,
    methodsAt: (pathname) => Object.keys(resourceAt(pathname).methods ?? {}),
    handle(request, response, url): void {
      const { name, methods } = resourceAt(url.pathname);
      if (methods === undefined) return sendProblem(response, notFound(url));
      const method = Object.hasOwn(methods, request.method ?? '') ? methods[request.method ?? ''] : undefined;
      if (method === undefined) {
        const allowed = Object.keys(methods).join(', ');
        response.setHeader('allow', `${allowed}, OPTIONS`);
        return sendProblem(response, notAllowed(allowed));
      }
      method({ request, response, url, room: decodedName(name) });
    },
  };

  function resourceAt(pathname: string): { readonly name: string; readonly methods: Methods | undefined } {
    const [name = '', ...rest] = pathname.slice(PREFIX.length).split('/');
    const resource = rest.join('/');
    const found = Object.hasOwn(resources, resource) && (resource !== '' || rest.length === 0);
    return { name, methods: found && name !== '' ? resources[resource] : undefined };
  }

  function serving(resource: string, answer: RoomAnswer) {
    const route = `${PREFIX}{room}${resource}`;
    return ({ room, ...http }: RoomRequest): void => {
      const method = http.request.method ?? '';
      const attributes = { 'http.request.method': method, 'http.route': route };
      const span = { name: `${method} ${route}`, attributes };
      const answerCall: Answer = (call, access) => answer(call, access, room);
      void serveCall(dependencies, { ...http, span }, answerCall, refuse);
    };
  }

  async function describe(call: HttpCall, access: Access, room: string): Promise<void> {
    const asker = { access, group: call.group };
    const { state, ...described } = await getRoom(context, { room }, asker);
    endWithJson(call, { ...described, ...(state && { state: stateJson(asTold(state)) }) });
  }

  async function publishMessage(call: HttpCall, access: Access, room: string): Promise<void> {
    const { request, origin, group, gone } = call;
    requireJson(request);
    const body = await readBody(request, origin, entrance.receiving, MAX_JSON_REQUEST_BYTES);
    const message = parsePublishBody(body, room, keyOf(request));
    const { seq = 0, duplicate = false } = await publish(context, message, {
      access,
      group,
      signal: gone,
      trace: call.trace,
    });
    endWithJson(call, { seq: Number(seq), duplicate });
  }

  async function readPage(call: HttpCall, access: Access, room: string): Promise<void> {
    const asked = pageRequest(room, call.url.searchParams);
    const parts = pull(context, asked, { access, group: call.group }, call.gone);
    for await (const text of pageText(parts, asked.cursor?.epoch)) {
      beginJson(call);
      // Whoever asks for headers only has read enough.
      if (call.request.method === 'HEAD') break;
      await call.write(Buffer.from(text));
    }
    call.end();
  }

  function watch({ request, response, url, room }: RoomRequest): void {
    const peer = requestOrigin(entrance.origins, request).name;
    try {
      serveEvents(sessions, { request, response, url, room, peer }, events);
    } catch (error) {
      const facts = { method: url.pathname.slice(0, 160), peer, request: requestIdOf(response) };
      sendProblem(response, problemOf(context.refusals.refuse(error, facts, 'a call was refused')));
    }
  }
}

/** A name that is none is refused as such, with what a name is. */
function decodedName(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @throws Failure */
function requireJson({ headers }: IncomingMessage): void {
  const [type = ''] = (headers['content-type'] ?? '').split(';');
  if (type.trim().toLowerCase() !== 'application/json')
    throw new Failure('REQUEST_INVALID', 'the body has to be JSON: content-type: application/json');
}

/**
 * The key of a publish. As a structured field it stands in quotes (draft-ietf-httpapi-idempotency-key-header); it is taken without them, too.
 * @throws Failure
 */
function keyOf({ headers }: IncomingMessage): string {
  const text = headers['idempotency-key'];
  if (text === undefined) return '';
  const [, quoted, bare] = IDEMPOTENCY_KEY.exec(String(text)) ?? [];
  const key = quoted ?? bare;
  if (key === undefined)
    throw new Failure(
      'REQUEST_INVALID',
      'idempotency-key: 1 to 256 printable characters of ASCII, in quotes or not',
    );
  return key;
}

function beginJson({ response }: HttpCall): void {
  if (response.headersSent) return;
  response.setHeader('content-type', 'application/json');
  response.setHeader('cache-control', 'no-store');
}

function endWithJson(call: HttpCall, answer: object): void {
  beginJson(call);
  call.end(`${JSON.stringify(answer)}\n`);
}

const refuse: Refuse = (call, failure) => {
  // What was said is not whole, and must not be taken for it.
  if (call.response.headersSent) call.terminate();
  else sendProblem(call.response, problemOf(failure));
};

function notFound({ pathname }: URL): Problem {
  return { status: 404, reason: 'NOT_FOUND', detail: `nothing is served at ${pathname.slice(0, 160)}` };
}

function notAllowed(allowed: string): Problem {
  return { status: 405, reason: 'METHOD_NOT_ALLOWED', detail: `here there is ${allowed}` };
}

/** A state as who asks by gRPC gets it. */
function asTold(state: RoomStateInput): RoomState {
  const { GetRoom } = liveService;
  return GetRoom.responseDeserialize(GetRoom.responseSerialize({ state })).state as RoomState;
}
