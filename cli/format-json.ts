import { LiveError } from '../client/index.ts';
import type {
  ConnectionState,
  Cursor,
  EphemeralMessage,
  Message,
  PullEvent,
  RoomEvent,
  RoomInfo,
  Upstream,
  UpstreamCause,
} from '../client/index.ts';

import { payloadFields, roomStateObject } from './room-state.ts';

/** One line of JSON; sequences are strings, because they do not fit a JSON number everywhere. */
export function jsonLine(value: object): string {
  return JSON.stringify(value, (_key, field: unknown) => (typeof field === 'bigint' ? String(field) : field));
}

/** An event of a room as a plain object. */
export function eventObject(event: RoomEvent | PullEvent): object {
  switch (event.kind) {
    case 'message':
      return {
        kind: event.kind,
        room: event.room,
        ...messageFields(event.message),
        ...('cursor' in event ? { cursor: event.cursor satisfies Cursor } : {}),
      };
    case 'ephemeral':
      return { kind: event.kind, room: event.room, ...messageFields(event.message) };
    case 'retrying':
      return { kind: event.kind, room: event.room, delayMs: event.delayMs, ...errorFields(event.error) };
    case 'room-state':
      return { kind: event.kind, room: event.room, state: roomStateObject(event.state) };
    default:
      return event;
  }
}

/** A state of the connection as a plain object. */
export function stateObject(state: ConnectionState): object {
  const { kind: name, ...fields } = state;
  if (!('cause' in fields)) return { kind: 'state', state: name, ...fields };
  const { cause, ...others } = fields;
  return { kind: 'state', state: name, ...others, ...(cause ? errorFields(cause) : {}) };
}

/** That a frame takes its time, as a plain object; without `total` if its size is not known. */
export function slowObject(bytes: number, ms: number, total: number | undefined): object {
  return { kind: 'slow', bytes, total, ms };
}

/** What the gateway says of NATS as a plain object. */
export function upstreamObject(upstream: Upstream, causes: readonly UpstreamCause[]): object {
  return { kind: 'upstream', upstream, causes };
}

/** Anything that was thrown as a plain object's fields. */
export function failureFields(error: unknown): object {
  if (error instanceof LiveError) return errorFields(error);
  return { error: error instanceof Error ? error.message : String(error) };
}

/** A failure as a plain object's fields. */
export function errorFields(error: LiveError): object {
  const { codeName, reason, message, key } = error;
  return { error: message, code: codeName, reason, ...(key === undefined ? {} : { key }) };
}

/** A payload that is no UTF-8 goes as base64, under another name. */
function messageFields(message: Message | EphemeralMessage): object {
  const { payload, ...fields } = message;
  return { ...fields, ...payloadFields(payload) };
}

/** A room as a plain object. */
export function roomObject({ state, ...info }: RoomInfo): object {
  return { ...info, ...(state && { state: roomStateObject(state) }) };
}
