/*
 * Writes protos/gen/schema.ts: those messages of the contract that a client exchanges, as the table that protos/codec works by. What the
 * contract has and the codec has not, fails here.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import type { FieldSchema } from '../protos/codec/schema.ts';
import { scalarTypes } from '../protos/codec/schema.ts';

/** What a client encodes and decodes; what they are made of comes with them. */
const ROOTS = [
  'live.v1.ClientFrame',
  'live.v1.ServerFrame',
  'live.v1.GetRoomRequest',
  'live.v1.GetRoomResponse',
  'live.v1.PullRequest',
  'live.v1.PullResponse',
  'google.rpc.ErrorInfo',
  'google.rpc.RetryInfo',
];

const path = (file: string): string => fileURLToPath(new URL(`../protos/${file}`, import.meta.url));
const contract = new protobuf.Root();
contract.resolvePath = (_origin, target) => (target.startsWith('/') ? target : path(target));
contract.loadSync([path('live/v1/live.proto'), path('google/rpc/error_details.proto')]).resolveAll();

const messages: Record<string, FieldSchema[]> = {};
const enums: Record<string, Record<string, number>> = {};

const shortName = ({ fullName }: protobuf.ReflectionObject): string =>
  fullName.replace(/^\.(live\.v1|google\.rpc|google\.protobuf)\./, '');

function take(type: protobuf.Type): void {
  if (shortName(type) in messages) return;
  const fields: FieldSchema[] = (messages[shortName(type)] = []);
  for (const field of type.fieldsArray) fields.push(schemaOf(field));
  fields.sort(([a], [b]) => a - b);
}

function schemaOf(field: protobuf.Field): FieldSchema {
  const { id, name, partOf } = field;
  if (field instanceof protobuf.MapField) {
    if (field.keyType === 'string' && field.type === 'string') return [id, name, 'string', 'map'];
    throw new Error(`${field.fullName}: the codec has maps of strings to strings only`);
  }
  const type = typeOf(field);
  if (field.repeated) return [id, name, type, 'many'];
  return partOf === null ? [id, name, type] : [id, name, type, 'one', partOf.name];
}

function typeOf({ resolvedType, type, fullName }: protobuf.Field): string {
  if (resolvedType instanceof protobuf.Type) take(resolvedType);
  if (resolvedType instanceof protobuf.Enum) enums[shortName(resolvedType)] = resolvedType.values;
  if (resolvedType !== null) return shortName(resolvedType);
  if ((scalarTypes as readonly string[]).includes(type)) return type;
  throw new Error(`${fullName}: the codec has no ${type}`);
}

for (const root of ROOTS) take(contract.lookupType(root));
writeFileSync(
  path('gen/schema.ts'),
  `// Written by scripts/codec-schema.ts.
import type { Schema } from '../codec/schema.ts';

export const SCHEMA: Schema = ${JSON.stringify({ messages, enums })};
`,
);
