import type { Unprefixed } from './enum-names.ts';
import type { DeliveryClass as WireClass } from './gen/live/v1/DeliveryClass.ts';

/** A delivery class that has been decided. */
export type DeliveryClass = Exclude<Unprefixed<'DELIVERY_CLASS', WireClass>, 'UNSPECIFIED'>;

/**
 * The message types known by name. Any other type is allowed with an explicit class.
 * Reliable is the patent's "first-type" message, ephemeral its "second-type" (US11750541B2).
 */
const knownTypes: ReadonlyMap<string, DeliveryClass> = new Map<string, DeliveryClass>([
  ['gift', 'RELIABLE'],
  ['red_packet', 'RELIABLE'],
  ['question', 'RELIABLE'],
  ['question_closed', 'RELIABLE'],
  ['room_closed', 'RELIABLE'],
  ['room_opened', 'RELIABLE'],
  ['mute_all', 'RELIABLE'],
  ['unmute_all', 'RELIABLE'],
  ['mute_user', 'RELIABLE'],
  ['unmute_user', 'RELIABLE'],
  ['ban_user', 'RELIABLE'],
  ['unban_user', 'RELIABLE'],
  ['stream_switch', 'RELIABLE'],
  ['pin', 'RELIABLE'],
  ['unpin', 'RELIABLE'],
  ['set_state', 'RELIABLE'],
  ['comment', 'EPHEMERAL'],
  ['arrival', 'EPHEMERAL'],
  ['like', 'EPHEMERAL'],
]);

/** The class of a type known by name, or undefined. */
export function classOfKnownType(type: string): DeliveryClass | undefined {
  return knownTypes.get(type);
}

/** The names of the known types of a class, for messages to people. */
export function knownTypesOf(deliveryClass: DeliveryClass): string[] {
  return [...knownTypes].filter(([, known]) => known === deliveryClass).map(([type]) => type);
}

const roomNamePattern = /^[A-Za-z0-9_-]{1,64}$/;

/** Whether `name` is a room name: one NATS token of 1 to 64 letters, digits, `_` and `-`. */
export function isRoomName(name: string): boolean {
  return roomNamePattern.test(name);
}

/** What a room name must be, for messages to people. */
export const ROOM_NAME_RULE = '1 to 64 of the characters A-Z a-z 0-9 _ -';

/**
 * The identifier (`Nats-Msg-Id`) under which a message published with a key is stored. JetStream recognises duplicates
 * per stream, not per subject: the same key in two rooms, or from two senders, must not be the same identifier.
 */
export function messageId(room: string, sender: string, key: string): string {
  return [room, encodeURIComponent(sender), encodeURIComponent(key)].join(':');
}

/** Trailing metadata key that carries the stable `Reason` beside a gRPC status. */
export const REASON_METADATA_KEY = 'live-reason';
