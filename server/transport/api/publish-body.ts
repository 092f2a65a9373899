import type { DeliveryClass } from '../../../protos/gen/live/v1/DeliveryClass.ts';
import type { PublishRequest } from '../../../protos/gen/live/v1/PublishRequest.ts';
import { Failure } from '../../session/failure.ts';
import { parseJsonObject } from '../json/parse.ts';

const CLASSES: Readonly<Record<string, DeliveryClass>> = {
  reliable: 'DELIVERY_CLASS_RELIABLE',
  ephemeral: 'DELIVERY_CLASS_EPHEMERAL',
};
const FIELDS = ['type', 'class', 'payload', 'payloadBase64', 'headers', 'sender'];
const LONE_SURROGATE = /\p{Surrogate}/u;
/** Of a length that is a multiple of 4. Without groups: those that repeat take memory of the stack for each four characters, of which there may be a million. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * A message to publish, from JSON. What a message may be is decided elsewhere, as for all others.
 * @param key of the publish; empty: none
 * @throws Failure when it is not of the form that is documented
 */
export function parsePublishBody(body: Buffer, room: string, key: string): PublishRequest {
  const fields = parseJsonObject(body);
  const unknown = Object.keys(fields).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined)
    throw invalid(`${JSON.stringify(unknown.slice(0, 40))} is no field: there are ${FIELDS.join(', ')}`);
  return {
    room,
    key,
    type: textOf(fields, 'type'),
    deliveryClass: classOf(fields),
    sender: textOf(fields, 'sender', ''),
    payload: payloadOf(fields),
    headers: headersOf(fields['headers']),
    timeoutMs: 0,
  };
}

type Fields = Readonly<Record<string, unknown>>;

function textOf(fields: Fields, name: string, absent?: string): string {
  const text = Object.hasOwn(fields, name) ? fields[name] : absent;
  if (typeof text !== 'string') throw invalid(`${name} has to be a text`);
  return wellFormed(name, text);
}

/** What is not would become another text on the way. */
function wellFormed(name: string, text: string): string {
  if (LONE_SURROGATE.test(text)) throw invalid(`${name}: half of a surrogate pair is no character`);
  return text;
}

function classOf(fields: Fields): DeliveryClass {
  if (!Object.hasOwn(fields, 'class')) return 'DELIVERY_CLASS_UNSPECIFIED';
  const name = fields['class'];
  const known = typeof name === 'string' && Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  if (known === undefined)
    throw invalid('class: reliable or ephemeral; leave it out for a type that is known');
  return known;
}

function payloadOf(fields: Fields): Buffer {
  if (!Object.hasOwn(fields, 'payloadBase64')) return Buffer.from(textOf(fields, 'payload', ''));
  if (Object.hasOwn(fields, 'payload')) throw invalid('either payload or payloadBase64');
  const text = textOf(fields, 'payloadBase64');
  if (text.length % 4 !== 0 || !BASE64.test(text))
    throw invalid('payloadBase64: not base64, with its padding');
  return Buffer.from(text, 'base64');
}

function headersOf(headers: unknown): Record<string, string> {
  if (headers === undefined) return {};
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers))
    throw invalid('headers: an object of texts');
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string') throw invalid('headers: an object of texts');
    wellFormed('headers', name + value);
  }
  return headers as Record<string, string>;
}

function invalid(text: string): Failure {
  return new Failure('REQUEST_INVALID', text);
}
