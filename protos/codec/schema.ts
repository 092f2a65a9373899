/** The scalar types that the contract uses, as protobuf calls them. */
export const scalarTypes = [
  'string',
  'bytes',
  'bool',
  'uint32',
  'int32',
  'uint64',
  'int64',
  'fixed32',
] as const;

/** One of them. */
export type ScalarType = (typeof scalarTypes)[number];

/** A field: its number, its name in frames, what it is (a scalar, or the name of an enum or message), how often it is there, and the oneof that it is of. */
export type FieldSchema =
  | readonly [number: number, name: string, type: string]
  | readonly [number: number, name: string, type: string, label: 'many' | 'map']
  | readonly [number: number, name: string, type: string, label: 'one', oneof: string];

/** Messages and enums of a contract. Maps are of strings to strings. */
export interface Schema {
  readonly messages: Readonly<Record<string, readonly FieldSchema[]>>;
  readonly enums: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** What a field holds. */
export type FieldType =
  | { readonly kind: 'scalar'; readonly scalar: ScalarType }
  | {
      readonly kind: 'enum';
      readonly values: Readonly<Record<string, number>>;
      readonly names: ReadonlyMap<number, string>;
    }
  | { readonly kind: 'message'; readonly message: MessageType };

/** A field, ready for use. */
export interface Field {
  readonly number: number;
  readonly name: string;
  readonly type: FieldType;
  readonly label: 'one' | 'many' | 'map';
  /** Undefined: it has its default value where it is absent. */
  readonly oneof: string | undefined;
}

/** A message, ready for use. */
export interface MessageType {
  readonly fields: readonly Field[];
  /** By number. */
  readonly byNumber: ReadonlyMap<number, Field>;
}

/** Resolves the names in a schema. */
export function messageTypes(schema: Schema): (name: string) => MessageType {
  const known = new Map<string, MessageType>();
  const enums = new Map<string, FieldType>();
  const enumOf = (name: string): FieldType => {
    const values = schema.enums[name] ?? {};
    const names = new Map(Object.entries(values).map(([value, number]) => [number, value]));
    const type = enums.get(name) ?? { kind: 'enum', values, names };
    enums.set(name, type);
    return type;
  };
  const typeOf = (name: string): FieldType => {
    if (name in schema.messages) return { kind: 'message', message: messageOf(name) };
    if (name in schema.enums) return enumOf(name);
    return { kind: 'scalar', scalar: name as ScalarType };
  };
  const messageOf = (name: string): MessageType => {
    const found = known.get(name);
    if (found) return found;
    const fields = (schema.messages[name] ?? []).map(
      ([number, field, type, label = 'one', oneof]): Field => ({
        number,
        name: field,
        type: typeOf(type),
        label,
        oneof,
      }),
    );
    const message = { fields, byNumber: new Map(fields.map((field) => [field.number, field])) };
    known.set(name, message);
    return message;
  };
  return messageOf;
}
