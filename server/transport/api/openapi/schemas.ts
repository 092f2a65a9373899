import { reasons } from '../../../../protos/reasons.ts';
import { knownTypesOf } from '../../../../protos/vocabulary.ts';

/* What is sent and answered as JSON, as JSON Schema (draft 2020-12) has it. */

/** A part of the document. */
export type Schema = Readonly<Record<string, unknown>>;

const text = (description: string, more: Schema = {}): Schema => ({ type: 'string', description, ...more });
const whole = (description: string, more: Schema = {}): Schema => ({
  type: 'integer',
  minimum: 0,
  description,
  ...more,
});
const object = (properties: Readonly<Record<string, Schema>>, required: readonly string[]): Schema => ({
  type: 'object',
  properties,
  required,
});

const WITHOUT_CONTROL = '^[^\\u0000-\\u001f\\u007f]*$';
const CURSOR = text('Where to go on: opaque, to be given back as it came.', { pattern: '^[A-Za-z0-9_-]+$' });

const payload = {
  payload: text('The payload, where it is text (UTF-8).'),
  payloadBase64: text('The payload, where it is none: base64 with its padding. In place of `payload`.', {
    contentEncoding: 'base64',
    pattern: '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$',
  }),
};

/** A type that is known by name needs no class; another one does. */
const classes: readonly Schema[] = [
  ...(['RELIABLE', 'EPHEMERAL'] as const).map((name) =>
    object({ type: { enum: knownTypesOf(name) }, class: { const: name.toLowerCase() } }, ['type']),
  ),
  object(
    {
      type: { not: { enum: [...knownTypesOf('RELIABLE'), ...knownTypesOf('EPHEMERAL')] } },
      class: { enum: ['reliable', 'ephemeral'] },
    },
    ['type', 'class'],
  ),
];

export const schemas: Readonly<Record<string, Schema>> = {
  Publication: {
    ...object(
      {
        type: text('What it is: `gift`, or anything else with a class.', {
          pattern: '^[A-Za-z0-9_.-]{1,64}$',
        }),
        class: { enum: ['reliable', 'ephemeral'], description: 'Left out for a type that is known by name.' },
        ...payload,
        sender: text('Who sends it: with a token its user. At most 256 bytes.', {
          maxLength: 256,
          pattern: WITHOUT_CONTROL,
        }),
        headers: {
          type: 'object',
          description: 'Headers of the NATS message: at most 4,096 bytes.',
          propertyNames: { pattern: '^(?![Nn][Aa][Tt][Ss]-|[Ll][Ii][Vv][Ee]-)[!-9;-~]{1,128}$' },
          additionalProperties: { type: 'string', pattern: WITHOUT_CONTROL },
        },
      },
      ['type'],
    ),
    additionalProperties: false,
    not: { required: ['payload', 'payloadBase64'] },
    anyOf: classes,
  },
  Published: object(
    {
      seq: whole('Its sequence; 0: it is ephemeral.'),
      duplicate: { type: 'boolean', description: 'It had been stored before, with the same key.' },
    },
    ['seq', 'duplicate'],
  ),
  Message: object(
    {
      seq: whole('Its sequence in the stream.'),
      prevSeq: whole('The sequence of the message before it in the room; 0: none.'),
      type: text('What it is.'),
      class: { const: 'reliable' },
      sender: text('Who sent it; empty: not known.'),
      id: text('Under which it is stored once; empty: none.'),
      timeMs: whole('When it was stored, in milliseconds since the Unix epoch.'),
      headers: { type: 'object', additionalProperties: { type: 'string' } },
      ...payload,
      omittedBytes: whole(
        'Set when the payload was left out, because it is too large: how many bytes it has.',
      ),
    },
    ['seq', 'prevSeq', 'type', 'class', 'sender', 'id', 'timeMs', 'headers'],
  ),
  Page: object(
    {
      gap: object(
        {
          after: whole('What you have had.'),
          next: whole('From where on everything is there again.'),
          cause: text('`RETENTION`: the limits of the stream, or somebody, have removed them.'),
        },
        ['after', 'next', 'cause'],
      ),
      reset: object(
        { cause: text('`RECREATED`, `REWOUND`: the stream holds another history than your cursor is of.') },
        ['cause'],
      ),
      messages: { type: 'array', items: { $ref: '#/components/schemas/Message' } },
      cursor: CURSOR,
      head: whole('The sequence of the newest message, if it is known.'),
      more: { type: 'boolean', description: 'There is more behind `cursor` already.' },
    },
    ['messages', 'cursor', 'more'],
  ),
  Room: object(
    {
      room: text('Its name.'),
      head: whole('Sequence of the newest reliable message held; 0: none.'),
      first: whole('Sequence of the oldest reliable message held; 0: none.'),
      count: whole('Reliable messages held.'),
      audience: whole('Viewers, over all gateways.'),
      epoch: text('Identity of the stream.'),
    },
    ['room', 'head', 'first', 'count', 'audience', 'epoch'],
  ),
  Problem: object(
    {
      type: text('`about:blank`: `reason` says which.'),
      title: text('As `reason`.'),
      status: whole('As of HTTP.'),
      reason: text('A stable name: one of docs/protocol.md, or of HTTP.', {
        enum: [...Object.keys(reasons), 'NOT_FOUND', 'METHOD_NOT_ALLOWED'],
      }),
      detail: text('What is wrong, and what to do.'),
      retryAfterMs: whole('When the same request may be sent again, in milliseconds; absent: never.'),
      requestId: text('As in `x-request-id`: what the log of the gateway knows the request by.'),
    },
    ['type', 'title', 'status', 'reason', 'detail'],
  ),
};
