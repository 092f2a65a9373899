import type { GetRoomRequest } from '../../protos/gen/live/v1/GetRoomRequest.ts';
import type { PublishRequest } from '../../protos/gen/live/v1/PublishRequest.ts';
import type { PublishResultInput } from '../../protos/gen/live/v1/PublishResult.ts';
import type { RoomInfoInput } from '../../protos/gen/live/v1/RoomInfo.ts';
import type { Hub } from '../core/hub.ts';
import type { RoomDescription, RoomDirectory } from '../core/room-directory.ts';
import type { Logger } from '../ops/logging.ts';
import { Failure, toFailure } from './failure.ts';
import type { PublishService } from './publish-service.ts';
import { requireRoomName } from './requests.ts';

/** What the short calls need. */
export interface UnaryContext {
  readonly hub: Hub;
  readonly directory: RoomDirectory;
  readonly publishing: PublishService;
  readonly logger: Logger;
}

/** `Publish`: one message without a stream. */
export function publish(
  { publishing }: UnaryContext,
  request: PublishRequest,
  signal: AbortSignal,
): Promise<PublishResultInput> {
  return publishing.publish(request, signal);
}

/** `GetRoom`: a room as the leader sees it. */
export async function getRoom(context: UnaryContext, request: GetRoomRequest): Promise<RoomInfoInput> {
  const { hub, directory } = context;
  const room = requireRoomName(request.room);
  const described = await ask(room, () => directory.describe(room));
  // A room that is open here knows all counts; otherwise the other gateways are asked.
  const audience = hub.find(room)?.audience ?? (await directory.countAudience(room));
  if (described.count === 0 && audience === 0) throw unknownRoom(room);
  return { room, audience, ...described };
}

/**
 * A room of which the stream holds messages.
 * @throws Failure when it holds none
 */
export async function describeHeld({ directory }: UnaryContext, room: string): Promise<RoomDescription> {
  const described = await ask(room, () => directory.describe(room));
  if (described.count === 0) throw unknownRoom(room);
  return described;
}

/**
 * Asks NATS something.
 * @throws Failure when it cannot be asked
 */
export async function ask<T>(room: string, question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    throw new Failure('UPSTREAM_UNAVAILABLE', `room ${room}: NATS cannot be asked now, try again later`, {
      cause: error,
    });
  }
}

/** What the caller is told of an error; what it is not told goes to the log. */
export function refuse({ logger }: UnaryContext, method: string, error: unknown): Failure {
  const failure = toFailure(error);
  const level = failure.reason === 'INTERNAL_ERROR' ? 'error' : 'debug';
  logger[level]({ err: failure, method }, 'a call was refused');
  return failure;
}

const unknownRoom = (room: string): Failure =>
  new Failure('ROOM_UNKNOWN', `room ${room}: the stream holds nothing of it`);
