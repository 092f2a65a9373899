import { isRoomPattern } from '../../protos/rights.ts';
import type { DeliveryClass } from '../../protos/vocabulary.ts';
import { durationWithin, oneOf, parseCount, parser, parseRate, parseSwitch, sizeFrom } from './parsers.ts';
import type { Parser } from './parsers.ts';

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

/** A key of a namespace. */
export interface NamespaceSetting<T = unknown> {
  readonly help: string;
  /** What a value has to be, in words that follow "takes". */
  readonly takes: string;
  readonly parse: Parser<T>;
}

const parseOnOff: Parser<boolean> = parser(oneOf(['on', 'off']).schema, (text) =>
  text === 'on' ? true : text === 'off' ? false : undefined,
);

/** The keys of a namespace but `types`, in the order of the documentation. */
export const NAMESPACE_SETTINGS = {
  rooms: setting({
    help: 'the rooms that it is about; of several namespaces that a name fits the first counts, and no other',
    takes: 'a room name, in which one * stands for any number of characters',
    parse: parser({ type: 'string', pattern: '^[A-Za-z0-9_-]*\\*?[A-Za-z0-9_-]*$' }, (text) =>
      isRoomPattern(text) ? text : undefined,
    ),
  }),
  'room-ephemeral-rate': setting({
    help: 'ephemeral publishes a second that a room takes at each worker, ten times as many after a pause; more are refused (RATE_LIMITED)',
    takes: 'a whole number from 1 to 1000000, or unlimited',
    parse: parseRate,
  }),
  'user-publish-rate': setting({
    help: 'publishes a second of one user in one room at each worker, ten times as many after a pause, beside --publish-rate and what its token says; where nobody is asked for a token, of one stream or connection',
    takes: 'a whole number from 1 to 1000000, or unlimited',
    parse: parseRate,
  }),
  'max-payload': setting({
    help: 'bytes that a payload may have (PAYLOAD_TOO_LARGE), where that is less than what NATS takes',
    takes: 'a size of at least 1B, such as 4KiB',
    parse: sizeFrom(1),
  }),
  'history-messages': setting({
    help: 'how many reliable messages back a start may begin that names no cursor; one that asks for more gets so many, and with 0 only live is accepted (START_INVALID); who resumes from a cursor gets all that is held',
    takes: 'a whole number from 0 to 1000000',
    parse: parseCount,
  }),
  'history-age': setting({
    help: 'likewise, how long ago',
    takes: 'a duration from 1s to 3650d, such as 10m',
    parse: durationWithin(SECOND_MS, 3_650 * DAY_MS),
  }),
  state: setting({
    help: 'whether rooms have state; nothing depends on it yet',
    takes: 'on or off',
    parse: parseOnOff,
  }),
  presence: setting({
    help: 'whether it is told who is in a room; nothing depends on it yet',
    takes: 'on or off',
    parse: parseOnOff,
  }),
};

/** What the types of a namespace are. */
export const TYPES = {
  help: 'the message types that may be published, with the class of each, so that publishers need not give it; any other is refused (TYPE_UNKNOWN). Without it all types are as everywhere',
  takes: 'a map from types to reliable, ephemeral, or a map with class and moderators-only',
} as const;

/** The name of a message type. */
export const TYPE_NAME = /^[A-Za-z0-9_.-]{1,64}$/;

const CLASSES = { reliable: 'RELIABLE', ephemeral: 'EPHEMERAL' } as const satisfies Record<
  string,
  DeliveryClass
>;

/** The keys of a type that is written as a map. */
export const TYPE_SETTINGS = {
  class: setting<DeliveryClass>({
    help: 'reliable messages are stored and replayed, ephemeral ones are worth having now only',
    takes: 'reliable or ephemeral',
    parse: parser(oneOf(['reliable', 'ephemeral']).schema, (text) =>
      text === 'reliable' || text === 'ephemeral' ? CLASSES[text] : undefined,
    ),
  }),
  'moderators-only': setting({
    help: 'publishing it takes the right moderate in the room, too (NOT_PERMITTED)',
    takes: 'true or false',
    parse: parseSwitch,
  }),
};

function setting<T>(given: NamespaceSetting<T>): NamespaceSetting<T> {
  return given;
}
