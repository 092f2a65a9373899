/**
 * On the wire the values of an enum carry its name, because languages differ in whether enums are scopes of their own; here they
 * do not. A value of a later version of the contract comes as a number: it gets a name that says so, and is for people to read.
 */

/** The names of an enum's values without their prefix. */
export type Unprefixed<Prefix extends string, Name> = Name extends `${Prefix}_${infer Rest}` ? Rest : never;

/** A value that a later version of the contract has added. */
export type UnknownValue = `UNKNOWN_${number}`;

/** The name of a value that came, as it is called here. */
export function unprefixed<Prefix extends string, Name extends string>(
  prefix: Prefix,
  name: Name,
): Unprefixed<Prefix, Name> | UnknownValue {
  // Numbers that have no name come as such, whatever the types say.
  if (typeof name !== 'string') return `UNKNOWN_${Number(name)}`;
  return name.slice(prefix.length + 1) as Unprefixed<Prefix, Name>;
}

/** The name of a value as it is written. */
export function prefixed<Prefix extends string, Name extends string>(
  prefix: Prefix,
  name: Name,
): `${Prefix}_${Name}` {
  return `${prefix}_${name}`;
}
