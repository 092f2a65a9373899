import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JoinInput } from '../../../protos/gen/live/v1/Join.ts';
import type { ClientFrame, ClientFrameInput } from '../../../protos/live.ts';
import { contractRevision, decodeClientFrame, liveService } from '../../../protos/live.ts';
import { Failure } from '../../session/failure.ts';
import type { Sessions } from '../../session/sessions.ts';
import { bearerIn } from '../http/bearer.ts';
import { parseCursorText } from '../json/cursor-text.ts';
import { parseStart } from '../json/start-text.ts';
import type { SseCarrierDependencies } from './carrier.ts';
import { SseCarrier } from './carrier.ts';

/** Of one viewer: the room, and where the request came from. */
export interface EventsRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly room: string;
  readonly peer: string;
}

/**
 * Serves the events of a room, as a session like any other.
 * @throws Failure when the request does not say where to begin, or comes before another is answered
 */
export function serveEvents(
  sessions: Pick<Sessions, 'open'>,
  { request, response, url, room, peer }: EventsRequest,
  dependencies: SseCarrierDependencies,
): void {
  // Behind another answer it could not be told apart from a viewer that takes nothing.
  if (response.socket === null)
    throw new Failure('REQUEST_INVALID', 'events take a connection of their own: send nothing before');
  const join = clientFrame({ join: { room, ...startOf(request, url) } });
  const client = request.headers['user-agent'] ?? 'events';
  const hello = clientFrame({
    hello: { client, revision: contractRevision, features: ['FEATURE_ROOM_STATE'] },
  });
  // An EventSource cannot send headers.
  const token = bearerIn(request.headers.authorization) ?? url.searchParams.get('token') ?? undefined;
  sessions.open(new SseCarrier({ request, response, peer, token, frames: [hello, join] }, dependencies));
}

/** What the client has had last says more than the address, which stays what it was when it comes again. */
function startOf(request: IncomingMessage, url: URL): Pick<JoinInput, 'cursor' | 'start'> {
  const start = parseStart(url.searchParams.get('from') ?? 'live');
  const cursor = String(request.headers['last-event-id'] ?? '') || url.searchParams.get('cursor');
  return cursor ? { cursor: parseCursorText(cursor) } : { start };
}

function clientFrame(frame: ClientFrameInput): ClientFrame {
  return decodeClientFrame(liveService.Connect.requestSerialize(frame));
}
