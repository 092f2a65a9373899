import type { NatsConnection as NatsClient } from 'nats';
import { createInbox, headers } from 'nats';
import { domainOfServer } from '../client-internals.ts';
import type { Clock } from '../../../common/clock.ts';
import { sleep } from '../../../common/sleep.ts';
import type { OpenedStream } from './stream.ts';
import { StreamMismatchError } from './stream.ts';
import type { Subjects } from '../connection/subjects.ts';

/** How long streams have to say that they would store a message, in milliseconds: they may be beyond leaf nodes. */
const ANSWER_MS = 500;
/** No stream can have this name: whoever takes messages for a stream refuses those for another, and says who it is. */
const NO_STREAM = 'no.stream';
/** A room for the question; nothing is stored in it. */
const ASKED_ROOM = 'who-stores-this';

/**
 * Names of the streams that would store a room's messages, in whatever JetStream domain: all that the connection reaches.
 * Within a domain the server keeps streams from sharing subjects, beyond it nobody does.
 */
export async function storingStreams(
  nc: NatsClient,
  subjects: Subjects,
  clock: Clock,
): Promise<readonly string[]> {
  const streams: string[] = [];
  const inbox = createInbox();
  const answers = nc.subscribe(inbox, {
    callback(error, message) {
      if (error !== null || message.data.length === 0) return;
      try {
        const { stream } = message.json<{ stream?: string }>();
        if (stream !== undefined) streams.push(stream);
      } catch {
        // Somebody else listens there; what it says is none of a stream's.
      }
    },
  });
  const expecting = headers();
  expecting.set('Nats-Expected-Stream', NO_STREAM);
  nc.publish(subjects.room(ASKED_ROOM), undefined, { reply: inbox, headers: expecting });
  await sleep(clock, ANSWER_MS, new AbortController().signal);
  answers.unsubscribe();
  return streams;
}

/**
 * Makes sure that a message is stored once. Only asks where there are JetStream domains.
 * @param opened undefined: the stream does not exist in the domain asked, and is about to be created
 * @throws StreamMismatchError when another stream stores the same subjects
 */
export async function refuseOverlappingStreams(
  nc: NatsClient,
  { stream, jsDomain }: { readonly stream: string; readonly jsDomain: string | undefined },
  subjects: Subjects,
  clock: Clock,
  opened: OpenedStream | undefined,
): Promise<void> {
  const own = domainOfServer(nc);
  if (own === undefined) return;
  const streams = await storingStreams(nc, subjects, clock);
  if (streams.length <= (opened === undefined ? 0 : 1)) return;
  const domain = jsDomain ?? own;
  const advice = `Name the JetStream domain of the one to use with --js-domain (asked was ${domain}), or use other subjects with --subject-prefix.`;
  throw new StreamMismatchError(
    opened === undefined
      ? `a stream ${streams.join(', ')} in another JetStream domain stores ${subjects.stored} already; a stream ${stream} in the domain ${domain} would store every message once more. ${advice}`
      : `${streams.length} streams store ${subjects.stored}: ${streams.join(', ')}; every message is stored by each of them. Delete those that are not to be used. ${advice}`,
  );
}
