import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../common/clock.ts';
import { sleep } from '../../../common/sleep.ts';
import type { NatsConnection } from '../connection/connection.ts';
import { NotReadyError } from '../connection/retry-until-ready.ts';
import type { Subjects } from '../connection/subjects.ts';

/** How long gateways look out for one another, and how often each says that it is there, in milliseconds. */
const ELECTION_MS = 1_000;
const ANNOUNCE_MS = 100;

/**
 * Whether this gateway is the one, of all that find the stream absent now, that is to create it. A NATS cluster that is
 * asked twice at the same moment ends up with two times of creation for one stream, each in some of its servers:
 * with the next leader the stream would seem to be another one (seen with 2.9.10). A single server cannot.
 */
export async function isCreator(
  connection: NatsConnection,
  subjects: Subjects,
  stream: string,
  clock: Clock,
): Promise<boolean> {
  const { nc } = connection;
  if (nc.info?.cluster === undefined) return true;
  const subject = subjects.creation(stream);
  const own: string = randomUUID();
  let lowest = own;
  const rivals = nc.subscribe(subject, {
    callback(error, message) {
      const rival = error === null ? message.string() : own;
      if (rival < lowest) lowest = rival;
    },
  });
  nc.publish(subject, own);
  const errors = await connection.sync().catch((error: unknown) => {
    throw new NotReadyError(error instanceof Error ? error.message : String(error));
  });
  const missing = errors.find((error) => error.subject === subject)?.operation;
  if (missing !== undefined) {
    rivals.unsubscribe();
    throw new Error(
      `permission to ${missing === 'publish' ? 'publish' : 'subscribe to'} ${subject} is missing: without it several gateways could create the stream at once`,
    );
  }
  const announcing = clock.every(ANNOUNCE_MS, () => nc.publish(subject, own));
  await sleep(clock, ELECTION_MS, new AbortController().signal);
  announcing.cancel();
  rivals.unsubscribe();
  return lowest === own;
}
