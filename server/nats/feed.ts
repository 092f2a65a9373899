import type { Msg, NatsConnection, Subscription } from 'nats';
import type { Clock } from '../../common/clock.ts';
import type { Feed, FeedSink } from '../core/upstream.ts';
import type { Logger } from '../ops/logging.ts';
import { headerLines, republishedLines } from './header-lines.ts';
import { decodeContent, decodeRepublished, decodeStored } from './message-codec.ts';
import { decodePresence, encodePresence } from './presence.ts';
import type { Subjects } from './subjects.ts';

/**
 * Subscribes to what the stream republishes of a room, to its ephemeral messages and to the other gateways'
 * viewer counts. The server has the subscriptions before any request that follows on the same connection: what is
 * stored after its answer is delivered, or its loss shows in the next message's `Nats-Last-Sequence`.
 */
export function openFeed(
  nc: NatsConnection,
  subjects: Subjects,
  room: string,
  sink: FeedSink,
  gateway: string,
  clock: Clock,
  logger: Logger,
): Feed {
  const subscribe = (subject: string, handle: (message: Msg) => void): Subscription =>
    nc.subscribe(subject, {
      callback(error, message) {
        // A throw here would kill the connection's reader without a word.
        try {
          if (error !== null) throw error;
          handle(message);
        } catch (cause) {
          logger.error({ err: cause, subject }, 'a feed message could not be handled');
        }
      },
    });
  const subscriptions = [
    subscribe(subjects.feed(room), (message) => receiveReliable(message, sink, clock)),
    subscribe(subjects.ephemeral(room), (message) => {
      const content = decodeContent(headerLines(message), message.data);
      sink.ephemeral({ content, timeMs: clock.wallMs() });
    }),
    subscribe(subjects.presence(room), ({ data }) => {
      const presence = decodePresence(data);
      if (presence.gateway !== gateway) sink.presence(presence.gateway, presence.viewers);
    }),
    subscribe(subjects.census(room), (message) => {
      message.respond(encodePresence({ gateway, viewers: sink.viewers() }));
    }),
  ];
  return { close: () => subscriptions.forEach((subscription) => subscription.unsubscribe()) };
}

function receiveReliable(message: Msg, sink: FeedSink, clock: Clock): void {
  const lines = republishedLines(message);
  const { seq, prevSeq, timeMs } = decodeRepublished(lines);
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(prevSeq)) return sink.unreadable();
  sink.reliable({ message: decodeStored(seq, timeMs ?? clock.wallMs(), lines, message.data), prevSeq });
}
