import type { Clock } from '../../../common/clock.ts';
import type { Logger } from '../../observability/logging.ts';
import { JetStreamApi } from '../connection/jetstream-api.ts';
import { StreamLeader } from './leader.ts';
import type { Opened } from './open-stream.ts';
import { MirrorOrigin } from './origin.ts';
import type { Requests } from '../connection/requests.ts';
import type { Subjects } from '../connection/subjects.ts';

/** How often the origin of a mirror is asked whether it is the same, in milliseconds. */
const ORIGIN_CHECK_MS = 30_000;

/** What questions to the stream's leader depend on. */
export interface LeaderDependencies {
  readonly requests: Requests;
  /** Of the stream that is read. */
  readonly api: JetStreamApi;
  readonly subjects: Subjects;
  readonly stream: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The leader of the stream that is read. `close` ends what is asked of it from time to time. */
export interface OpenLeader {
  readonly leader: StreamLeader;
  readonly close: () => void;
}

/**
 * Questions to the leader of the stream that is read: of a mirror in the name of its origin, so that cursors are the same everywhere.
 * @throws MirrorDivergedError when it is no copy of that
 */
export async function openLeader(
  { stream: role, origin }: Opened,
  dependencies: LeaderDependencies,
): Promise<OpenLeader> {
  const { requests, api, subjects, stream, clock, logger } = dependencies;
  if (role.kind === 'origin')
    return { leader: new StreamLeader(api, stream, subjects, role.created), close: () => undefined };
  const { created } = role;
  const there = new StreamLeader(new JetStreamApi(requests, origin.api), origin.stream, subjects, created);
  const copied = new MirrorOrigin(there, stream, created, logger);
  const leader = new StreamLeader(api, stream, subjects.ofMirror(stream), created, copied);
  await copied.check(leader);
  await leader.state();
  const checking = clock.every(ORIGIN_CHECK_MS, () => void copied.check(leader));
  return { leader, close: () => checking.cancel() };
}
