import { randomUUID } from 'node:crypto';
import type { Cursor } from '../../protos/gen/live/v1/Cursor.ts';
import type { PublishRequest } from '../../protos/gen/live/v1/PublishRequest.ts';
import type { Start as WireStart } from '../../protos/gen/live/v1/Start.ts';
import { unprefixed } from '../../protos/enum-names.ts';
import {
  classOfKnownType,
  isRoomName,
  knownTypesOf,
  messageId,
  ROOM_NAME_RULE,
} from '../../protos/vocabulary.ts';
import type { DeliveryClass } from '../../protos/vocabulary.ts';
import type { Policy, TypeRule } from '../policy/namespace.ts';
import type { Policies } from '../policy/policies.ts';
import type { MessageContent } from '../log/message.ts';
import type { AskedFrom, Start } from '../room/start.ts';
import type { Access } from './access.ts';
import { Failure } from './failure.ts';

/*
 * Requests as they come from outside, checked and turned into the core's terms. Every function throws Failure
 * for what does not fit.
 */

const MAX_TEXT_BYTES = 256;
const MAX_HEADERS_BYTES = 4096;
const TYPE_PATTERN = /^[A-Za-z0-9_.-]{1,64}$/;
/** What a NATS header name may be made of: printable ASCII without colon. */
const HEADER_NAME_PATTERN = /^[!-9;-~]{1,128}$/;
const RESERVED_HEADER_PATTERN = /^(nats|live)-/i;
// eslint-disable-next-line no-control-regex -- these are the characters to refuse
const CONTROL_PATTERN = /[\u0000-\u001f\u007f]/;
const CLASSES: ReadonlySet<string> = new Set<DeliveryClass>(['RELIABLE', 'EPHEMERAL']);
const MAX_SEQ = BigInt(Number.MAX_SAFE_INTEGER);

export function requireRoomName(room: string): string {
  if (!isRoomName(room)) {
    throw new Failure(
      'ROOM_NAME_INVALID',
      `room ${JSON.stringify(room.slice(0, 80))}: a room name is ${ROOM_NAME_RULE}`,
    );
  }
  return room;
}

/** Where a Join or Pull begins. What says nothing may say something that only a later version of the protocol knows. */
export function joinFrom(cursor: Cursor | null | undefined, start: WireStart | null | undefined): AskedFrom {
  if (!cursor) {
    if (start) return parseStart(start);
    throw new Failure(
      'START_INVALID',
      'no cursor and no start that this gateway knows: for example {"live": {}}',
    );
  }
  return {
    kind: 'cursor',
    cursor: { epoch: cursor.epoch, seq: parseSeq(cursor.seq), fingerprint: cursor.fingerprint },
  };
}

function parseStart(start: WireStart): Start {
  switch (start.at) {
    case 'earliest':
      return { kind: 'earliest' };
    case 'last': {
      const count = start.last ?? 0;
      if (count < 1)
        throw new Failure('START_INVALID', 'start at the last 0 messages: ask for at least 1, or live');
      return { kind: 'last', count };
    }
    case 'sinceMs':
      return { kind: 'since', timeMs: parseTime(start.sinceMs ?? '0') };
    case 'seq':
      return { kind: 'seq', seq: parseSeq(start.seq ?? '0') };
    case 'live':
      return { kind: 'live' };
    default:
      throw new Failure(
        'START_INVALID',
        'a start that this gateway does not know: live, earliest, last, since_ms or seq',
      );
  }
}

/**
 * A 64-bit sequence as a number. What is beyond a number's precision is beyond every stream's end as well, and
 * stays so.
 */
export function parseSeq(text: string): number {
  const seq = BigInt(text);
  return Number(seq > MAX_SEQ ? MAX_SEQ : seq);
}

/** The last moment that RFC 3339, and so NATS, can name, in milliseconds since the Unix epoch. */
const MAX_TIME_MS = Date.UTC(9_999, 11, 31, 23, 59, 59, 999);

function parseTime(text: string): number {
  const timeMs = Number(text);
  if (timeMs > MAX_TIME_MS) throw new Failure('START_INVALID', `since_ms ${text}: not a time`);
  return timeMs;
}

/** A message to be published. */
export interface Publication {
  readonly room: string;
  /** What holds in the room. */
  readonly policy: Policy;
  readonly deliveryClass: DeliveryClass;
  readonly content: MessageContent;
}

/** What messages to be published are held to. */
export interface PublicationRules {
  /** Bytes that a payload may have in any room. */
  readonly maxPayload: number;
  readonly policies: Pick<Policies, 'of'>;
}

/** @param access of whoever publishes */
export function parsePublication(
  request: PublishRequest,
  access: Access,
  { maxPayload, policies }: PublicationRules,
): Publication {
  const room = requireRoomName(request.room);
  const policy = policies.of(room);
  const rule = policy.types && requireRule(request.type, room, policy.types);
  const deliveryClass = requireClass(request, rule);
  const limit = Math.min(maxPayload, policy.maxPayload ?? Infinity);
  if (request.payload.byteLength > limit) {
    throw new Failure(
      'PAYLOAD_TOO_LARGE',
      `the payload has ${request.payload.byteLength} bytes, at most ${limit} are allowed: send a reference instead`,
    );
  }
  requireText('sender', request.sender);
  requireText('key', request.key);
  const headers = Object.entries(request.headers);
  requireHeaders(headers);
  const { type, payload } = request;
  const sender = access.senderOf(room, type, request.sender);
  if (rule?.moderatorsOnly === true) access.requireModerateIn(room, type);
  const key = request.key === '' ? randomUUID() : request.key;
  return {
    room,
    policy,
    deliveryClass,
    content: { id: messageId(room, sender, key), type, sender, payload, headers },
  };
}

/** What the room asks of a type. */
function requireRule(type: string, room: string, types: Readonly<Record<string, TypeRule>>): TypeRule {
  const rule = Object.hasOwn(types, type) ? types[type] : undefined;
  if (rule !== undefined) return rule;
  const names = Object.keys(types).join(', ') || 'none';
  throw new Failure(
    'TYPE_UNKNOWN',
    `type ${JSON.stringify(type.slice(0, 80))} is none of those that room ${room} takes: ${names}`,
  );
}

/** @param rule what the room asks of the type, if it names its types */
function requireClass({ type, deliveryClass }: PublishRequest, rule: TypeRule | undefined): DeliveryClass {
  const asked = unprefixed('DELIVERY_CLASS', deliveryClass);
  if (!TYPE_PATTERN.test(type)) {
    throw new Failure(
      'MESSAGE_INVALID',
      `type ${JSON.stringify(type.slice(0, 80))}: 1 to 64 of A-Z a-z 0-9 _ . -`,
    );
  }
  const known = rule?.deliveryClass ?? classOfKnownType(type);
  if (asked === 'UNSPECIFIED') {
    if (known !== undefined) return known;
    const names = [...knownTypesOf('RELIABLE'), ...knownTypesOf('EPHEMERAL')].join(', ');
    throw new Failure(
      'TYPE_UNKNOWN',
      `type ${type} is not known by name: give its class, or use one of ${names}`,
    );
  }
  if (!isDeliveryClass(asked)) {
    throw new Failure(
      'MESSAGE_INVALID',
      `delivery_class ${deliveryClass}: DELIVERY_CLASS_RELIABLE or DELIVERY_CLASS_EPHEMERAL`,
    );
  }
  if (known !== undefined && known !== asked) {
    throw new Failure(
      'CLASS_CONFLICT',
      `type ${type} is always ${known}: leave the class out, or use another type`,
    );
  }
  return asked;
}

const isDeliveryClass = (name: string): name is DeliveryClass => CLASSES.has(name);

function requireText(what: string, text: string): void {
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES || CONTROL_PATTERN.test(text)) {
    throw new Failure(
      'MESSAGE_INVALID',
      `${what}: at most ${MAX_TEXT_BYTES} bytes without control characters`,
    );
  }
}

function requireHeaders(headers: readonly [string, string][]): void {
  let bytes = 0;
  for (const [name, value] of headers) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + 4;
    if (!HEADER_NAME_PATTERN.test(name) || CONTROL_PATTERN.test(value)) {
      throw new Failure(
        'MESSAGE_INVALID',
        `header ${JSON.stringify(name.slice(0, 80))}: not a header of NATS`,
      );
    }
    if (RESERVED_HEADER_PATTERN.test(name)) {
      throw new Failure(
        'MESSAGE_INVALID',
        `header ${name}: names that begin with Nats- and Live- are reserved`,
      );
    }
  }
  if (bytes > MAX_HEADERS_BYTES) {
    throw new Failure('MESSAGE_INVALID', `headers: ${bytes} bytes, at most ${MAX_HEADERS_BYTES} are allowed`);
  }
}
