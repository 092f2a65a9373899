import type { GetRoomRequest } from '../../protos/gen/live/v1/GetRoomRequest.ts';
import type { PublishRequest } from '../../protos/gen/live/v1/PublishRequest.ts';
import type { PublishResponseInput } from '../../protos/gen/live/v1/PublishResponse.ts';
import type { GetRoomResponseInput } from '../../protos/gen/live/v1/GetRoomResponse.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Clock } from '../../common/clock.ts';
import type { Asker, Turns } from '../../common/turns.ts';
import type { Policies } from '../policy/policies.ts';
import type { Hub } from '../room/hub.ts';
import type { RoomDescription, RoomDirectory } from '../upstream/room-directory.ts';
import { authenticate } from '../auth/authenticator.ts';
import { Access, OPEN_ACCESS } from './access.ts';
import { Failure } from './failure.ts';
import type { UpstreamLife } from './pull-patience.ts';
import type { Moderation } from './moderation.ts';
import type { Caller, PublishService } from './publish-service.ts';
import type { Refusals } from './refusals.ts';
import { requireRoomName } from './requests.ts';
import { roomStateOf } from './state-frames.ts';
import type { Traces } from './traces.ts';
import type { UserRates } from './user-rates.ts';

/** What the short calls need. */
export interface UnaryContext {
  readonly hub: Hub;
  readonly directory: RoomDirectory;
  /** For who looks up what the stream's leader knows: joins do not wait for them. */
  readonly lookUps: Pick<Turns, 'run'>;
  readonly rates: UserRates;
  readonly policies: Pick<Policies, 'of'>;
  readonly publishing: PublishService;
  readonly authenticator: Authenticator;
  readonly life: UpstreamLife;
  readonly clock: Clock;
  readonly refusals: Refusals;
  readonly moderation: Moderation;
  /** Undefined: nothing is traced. */
  readonly traces?: Traces | undefined;
}

/**
 * What whoever calls may do.
 * @param token that came with the call
 * @throws TokenError
 */
export async function accessOf(
  { authenticator, clock }: UnaryContext,
  token: string | undefined,
): Promise<Access> {
  if (authenticator.kind === 'open') return OPEN_ACCESS;
  return new Access(await authenticate(authenticator, token), clock.wallMs());
}

/**
 * Whether whoever calls would still be let in.
 * @throws TokenError if not
 */
export function requireWelcome({ authenticator }: UnaryContext, access: Access): void {
  if (authenticator.kind === 'open') return;
  const [lost] = access.review((grant) => authenticator.exclusions.require(grant));
  if (lost !== undefined) throw lost.error;
}

/** `Publish`: one message without a stream. */
export function publish(
  { publishing }: UnaryContext,
  request: PublishRequest,
  caller: Caller,
): Promise<PublishResponseInput> {
  return publishing.publish(request, caller);
}

/** `GetRoom`: a room as the leader sees it. */
export async function getRoom(
  { hub, directory, lookUps, rates }: UnaryContext,
  request: GetRoomRequest,
  caller: Asker & { readonly access: Access },
): Promise<GetRoomResponseInput> {
  const room = requireRoomName(request.room);
  caller.access.requireWatch(room);
  rates.spend(caller.access.spender(caller.group), 'read');
  const described = await lookUps.run(caller, () => directory.describe(room));
  const audience = hub.audience(room);
  if (described.count === 0 && audience === 0) throw unknownRoom(room);
  const view = hub.keepsStates ? await hub.stateOf(room, caller) : undefined;
  return { room, audience, ...described, ...(view && { state: roomStateOf(view, room) }) };
}

/**
 * A room of which the stream holds messages.
 * @throws Failure when it holds none
 */
export async function describeHeld({ directory }: UnaryContext, room: string): Promise<RoomDescription> {
  const described = await directory.describe(room);
  if (described.count === 0) throw unknownRoom(room);
  return described;
}

const unknownRoom = (room: string): Failure =>
  new Failure('ROOM_UNKNOWN', `room ${room}: the stream holds nothing of it`);
