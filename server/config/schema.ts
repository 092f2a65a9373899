import { knownTypesOf } from '../../protos/vocabulary.ts';
import { NAMESPACES } from './namespaces.ts';
import type { NamespaceSetting } from './namespace-settings.ts';
import { NAMESPACE_SETTINGS, TYPE_NAME, TYPE_SETTINGS, TYPES } from './namespace-settings.ts';
import type { ValueSchema } from './parsers.ts';
import { ALL_SETTINGS } from './reading.ts';
import type { Setting } from './setting.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * What editors check configuration files with: a JSON Schema (draft 2020-12). It takes whatever the gateway takes; of texts the gateway asks for
 * more, such as the bounds of durations.
 */
export function configSchema(): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of live-server',
    type: ['object', 'null'],
    additionalProperties: false,
    properties: {
      ...Object.fromEntries(ALL_SETTINGS.map(([, setting]) => [setting.flag, settingSchema(setting)])),
      [NAMESPACES.key]: {
        description: NAMESPACES.help,
        type: 'array',
        items: namespaceSchema(),
      },
    },
  };
}

function settingSchema({ help, takes, fallback, parse }: Setting): JsonSchema {
  const description = `${help}. Takes ${takes}.`;
  return {
    description,
    ...parse.schema,
    ...(fallback !== undefined && { default: typed(fallback, parse.schema) }),
  };
}

/** A default as a file has it. */
function typed(text: string, { type, anyOf }: ValueSchema): unknown {
  if (type === 'boolean') return text === 'true';
  const numeric = type === 'integer' || anyOf?.some((each) => each.type === 'integer') === true;
  return numeric && /^\d+$/.test(text) ? Number(text) : text;
}

function namespaceSchema(): JsonSchema {
  const { rooms, ...others } = fieldSchemas(NAMESPACE_SETTINGS);
  return {
    type: 'object',
    additionalProperties: false,
    required: ['rooms'],
    properties: { rooms, types: typesSchema(), ...others },
  };
}

function typesSchema(): JsonSchema {
  const known = (['RELIABLE', 'EPHEMERAL'] as const).flatMap((deliveryClass) =>
    knownTypesOf(deliveryClass).map((type) => [type, typeSchema([deliveryClass.toLowerCase()])]),
  );
  return {
    description: TYPES.help,
    type: 'object',
    propertyNames: { pattern: TYPE_NAME.source },
    properties: Object.fromEntries(known) as JsonSchema,
    additionalProperties: typeSchema(TYPE_SETTINGS.class.parse.schema.enum ?? []),
  };
}

/** @param classes that the type may have */
function typeSchema(classes: readonly (string | number)[]): JsonSchema {
  const { class: ofClass, ...others } = fieldSchemas(TYPE_SETTINGS);
  return {
    anyOf: [
      { enum: classes },
      {
        type: 'object',
        additionalProperties: false,
        required: ['class'],
        properties: { class: { ...ofClass, enum: classes }, ...others },
      },
    ],
  };
}

function fieldSchemas(settings: Readonly<Record<string, NamespaceSetting>>): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, { help, takes, parse }]) => [
      key,
      { description: `${help}. Takes ${takes}.`, ...parse.schema },
    ]),
  );
}
