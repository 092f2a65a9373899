import type { Field } from './schema.ts';

/** How a value is written: https://protobuf.dev/programming-guides/encoding. */
export const wireType = { VARINT: 0, FIXED64: 1, DELIMITED: 2, FIXED32: 5 } as const;

/** How the values of a field are written, each for itself. */
export function wireTypeOf({ type, label }: Field): number {
  if (label === 'map' || type.kind === 'message') return wireType.DELIMITED;
  if (type.kind === 'enum') return wireType.VARINT;
  if (type.scalar === 'string' || type.scalar === 'bytes') return wireType.DELIMITED;
  return type.scalar === 'fixed32' ? wireType.FIXED32 : wireType.VARINT;
}

/** Whether several values may be written as one that is delimited. */
export const isPackable = (field: Field): boolean =>
  field.label === 'many' && wireTypeOf(field) !== wireType.DELIMITED;
