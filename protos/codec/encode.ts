import type { Field, FieldType, MessageType } from './schema.ts';
import { wireTypeOf } from './wire-types.ts';
import { Writer } from './writer.ts';

/** Encodes a message given as plain data: what is absent, null or, outside a oneof, a default value is left out. */
export function encodeMessage(type: MessageType, message: object): Uint8Array {
  const writer = new Writer();
  for (const field of type.fields) {
    const value = (message as Record<string, unknown>)[field.name];
    if (value !== undefined && value !== null) writeField(writer, field, value);
  }
  return writer.finish();
}

function writeField(writer: Writer, field: Field, value: unknown): void {
  switch (field.label) {
    case 'one':
      if (field.oneof !== undefined || !isDefault(field.type, value)) writeValue(writer, field, value);
      break;
    case 'many':
      for (const each of value as readonly unknown[]) writeValue(writer, field, each);
      break;
    case 'map':
      for (const [name, text] of Object.entries(value as Record<string, string>)) {
        writer.tag(field.number, wireTypeOf(field));
        writer.delimited(encodeEntry(name, text));
      }
  }
}

function encodeEntry(name: string, text: string): Uint8Array {
  const writer = new Writer();
  [name, text].forEach((each, index) => {
    writer.tag(index + 1, 2);
    writer.text(each);
  });
  return writer.finish();
}

function isDefault(type: FieldType, value: unknown): boolean {
  switch (type.kind) {
    case 'message':
      return false;
    case 'enum':
      return numberOf(type, value) === 0;
    case 'scalar':
      if (value instanceof Uint8Array) return value.length === 0;
      return value === '' || value === false || (type.scalar !== 'string' && Number(value) === 0);
  }
}

function writeValue(writer: Writer, field: Field, value: unknown): void {
  const { type } = field;
  writer.tag(field.number, wireTypeOf(field));
  if (type.kind === 'message') writer.delimited(encodeMessage(type.message, value as object));
  else if (type.kind === 'enum') writer.varint64(numberOf(type, value));
  else if (type.scalar === 'string') writer.text(String(value));
  else if (type.scalar === 'bytes') writer.delimited(value as Uint8Array);
  else if (type.scalar === 'fixed32') writer.fixed32(Number(value));
  else writer.varint64(type.scalar === 'bool' ? Number(value) : (value as number | string));
}

/** @throws TypeError for a name that the enum has not */
function numberOf({ values }: Extract<FieldType, { kind: 'enum' }>, value: unknown): number {
  const number = typeof value === 'number' ? value : values[String(value)];
  if (number === undefined) throw new TypeError(`${String(value)} is no value of the enum`);
  return number;
}
