import { Reader } from './reader.ts';
import type { Field, FieldType, MessageType, ScalarType } from './schema.ts';
import { isPackable, wireType, wireTypeOf } from './wire-types.ts';

type Message = Record<string, unknown>;

/**
 * Decodes a message to the shapes of proto-loader: 64-bit integers as decimal strings, enums as names (or numbers, if they have none), what is absent by its default
 * value, of a oneof what is there and, under the oneof's name, which that is. Fields that nobody knows are passed over.
 * @throws MalformedError if the bytes are no message
 */
export function decodeMessage(type: MessageType, bytes: Uint8Array): Message {
  const message: Message = {};
  for (const field of type.fields) {
    if (field.oneof === undefined) message[field.name] = defaultOf(field);
  }
  const reader = new Reader(bytes);
  while (!reader.isAtEnd) {
    const tag = reader.uint32();
    const field = type.byNumber.get(tag >>> 3);
    if (field?.label === 'many' && isPackable(field) && (tag & 7) === wireType.DELIMITED)
      readPacked(reader, field, message);
    else if (field !== undefined && wireTypeOf(field) === (tag & 7)) readField(reader, field, message);
    else reader.skip(tag & 7);
  }
  return message;
}

function readField(reader: Reader, field: Field, message: Message): void {
  switch (field.label) {
    case 'one':
      if (field.oneof !== undefined) choose(field.oneof, field.name, message);
      message[field.name] = readValue(reader, field.type);
      break;
    case 'many':
      (message[field.name] as unknown[]).push(readValue(reader, field.type));
      break;
    case 'map':
      readEntry(reader, message[field.name] as Record<string, string>);
  }
}

/** The last one that comes is the one that is there. */
function choose(oneof: string, name: string, message: Message): void {
  const before = message[oneof];
  if (typeof before === 'string' && before !== name) Reflect.deleteProperty(message, before);
  message[oneof] = name;
}

function readPacked(reader: Reader, field: Field, message: Message): void {
  const values = new Reader(reader.delimited());
  while (!values.isAtEnd) (message[field.name] as unknown[]).push(readValue(values, field.type));
}

function readEntry(reader: Reader, entries: Record<string, string>): void {
  const entry = new Reader(reader.delimited());
  const texts = ['', ''];
  while (!entry.isAtEnd) {
    const tag = entry.uint32();
    if (tag === 0x0a) texts[0] = entry.text();
    else if (tag === 0x12) texts[1] = entry.text();
    else entry.skip(tag & 7);
  }
  const [name = '', value = ''] = texts;
  // A name may be `__proto__`.
  Object.defineProperty(entries, name, { value, enumerable: true, configurable: true, writable: true });
}

function readValue(reader: Reader, type: FieldType): unknown {
  switch (type.kind) {
    case 'message':
      return decodeMessage(type.message, reader.delimited());
    case 'enum': {
      const number = reader.uint32() | 0;
      return type.names.get(number) ?? number;
    }
    case 'scalar':
      return readScalar(reader, type.scalar);
  }
}

function readScalar(reader: Reader, scalar: ScalarType): unknown {
  switch (scalar) {
    case 'string':
      return reader.text();
    case 'bytes':
      return reader.delimited();
    case 'bool':
      return Number(reader.uint64()) !== 0;
    case 'uint32':
      return reader.uint32();
    case 'int32':
      return reader.uint32() | 0;
    case 'uint64':
      return String(reader.uint64());
    case 'int64':
      return String(BigInt.asIntN(64, BigInt(reader.uint64())));
    case 'fixed32':
      return reader.fixed32();
  }
}

function defaultOf({ type, label }: Field): unknown {
  if (label === 'many') return [];
  if (label === 'map') return {};
  if (type.kind === 'message') return null;
  if (type.kind === 'enum') return type.names.get(0);
  switch (type.scalar) {
    case 'string':
      return '';
    case 'bytes':
      return new Uint8Array();
    case 'bool':
      return false;
    case 'uint64':
    case 'int64':
      return '0';
    case 'uint32':
    case 'int32':
    case 'fixed32':
      return 0;
  }
}
