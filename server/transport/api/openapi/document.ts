import { ROOM_NAME_RULE } from '../../../../protos/vocabulary.ts';
import { PAGE_LIMIT } from '../page.ts';
import type { Schema } from './schemas.ts';
import { schemas } from './schemas.ts';

const json = (name: string, description: string): Schema => ({
  description,
  content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } },
});

const problem = (description: string): Schema => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});

/** What every operation may be refused with. */
const REFUSALS: Readonly<Record<string, Schema>> = {
  '400': problem('Something in the request is not allowed.'),
  '401': problem('There is no token, or none that counts.'),
  '403': problem('The token does not allow it, or its user is banned.'),
  '404': problem('There is no such room, or nothing is served at the address.'),
  '405': problem('There is no such method here: see `allow`.'),
  '429': problem('Too much, or too often: see `retry-after`, if it is there.'),
  '500': problem('A fault of the gateway.'),
  '501': problem('The request is compressed.'),
  '503': problem('NATS cannot be asked now, or the gateway goes away: see `retry-after`.'),
  '504': problem('A time has passed, of the request or of what it asks for.'),
};

const query = (name: string, description: string, schema: Schema): Schema => ({
  name,
  in: 'query',
  description,
  schema,
});

const FROM = '^(live|earliest|last:[1-9][0-9]{0,8})$';
const CURSOR = { type: 'string', pattern: '^[A-Za-z0-9_-]+$', maxLength: 1_024 };

const ROOM: Schema = {
  name: 'room',
  in: 'path',
  required: true,
  description: ROOM_NAME_RULE,
  schema: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' },
};

/** What is served below `/v1`, as OpenAPI 3.1. */
export const openApiDocument: Schema = {
  openapi: '3.1.0',
  info: {
    title: 'live gateway',
    version: '1',
    description: 'Messages of live rooms over HTTP, for whoever speaks no gRPC. docs/http.md shows how.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  security: [{}, { token: [] }],
  paths: {
    '/v1/rooms/{room}': {
      parameters: [ROOM],
      get: {
        operationId: 'getRoom',
        summary: 'Describes a room.',
        responses: { '200': json('Room', 'The room.'), ...REFUSALS },
      },
    },
    '/v1/rooms/{room}/messages': {
      parameters: [ROOM],
      get: {
        operationId: 'getMessages',
        summary: 'Reads a page of reliable messages.',
        parameters: [
          query('after', 'Everything behind this cursor, verified. Counts more than `from`.', CURSOR),
          query('from', 'Where to begin without a cursor.', {
            type: 'string',
            pattern: FROM,
            default: 'earliest',
          }),
          query('limit', 'At most so many messages.', {
            type: 'integer',
            minimum: 1,
            maximum: PAGE_LIMIT.most,
            default: PAGE_LIMIT.usual,
          }),
        ],
        responses: { '200': json('Page', 'The page.'), ...REFUSALS },
      },
      post: {
        operationId: 'publish',
        summary: 'Publishes a message.',
        parameters: [
          {
            name: 'Idempotency-Key',
            in: 'header',
            description: 'A reliable message of the same room, sender and key is stored once.',
            schema: { type: 'string', pattern: '^("[ !#-~]{1,256}"|[!#-~]{1,256})$' },
          },
        ],
        requestBody: {
          required: true,
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Publication' } } },
        },
        responses: { '200': json('Published', 'It is published.'), ...REFUSALS },
      },
    },
    '/v1/rooms/{room}/events': {
      parameters: [ROOM],
      get: {
        operationId: 'watch',
        summary: 'Server-sent events of a room: what is stored, then what comes.',
        parameters: [
          query('from', 'Where to begin without a cursor.', {
            type: 'string',
            pattern: FROM,
            default: 'live',
          }),
          query('cursor', 'Everything behind this cursor, verified. `Last-Event-ID` counts more.', CURSOR),
          query('token', 'A token, where no header can be sent.', { type: 'string' }),
          {
            name: 'Last-Event-ID',
            in: 'header',
            description: 'The last `id` that was received.',
            schema: CURSOR,
          },
        ],
        responses: {
          '200': {
            description: 'Events, until the connection ends.',
            content: { 'text/event-stream': { schema: { type: 'string' } } },
          },
          ...REFUSALS,
        },
      },
    },
  },
  components: {
    securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    schemas,
  },
};
