import { liveService } from '../../protos/live.ts';
import { grpcMessage } from '../helpers/tcp-viewer.ts';
import type { Chance } from './chance.ts';
import { bearer, requestBytes } from './http-requests.ts';
import { METHODS } from './spoken.ts';

const KIB = 2 ** 10;
const TEXTS = [
  '',
  'gift',
  'reliable',
  'ephemeral',
  '\u0000',
  '\ud800',
  '\u2028\r\n\r\ndata: x\n\n',
  '__proto__',
  '/w==',
  'x'.repeat(3_000),
];
const FIELDS = [
  'type',
  'class',
  'payload',
  'payloadBase64',
  'headers',
  'sender',
  '__proto__',
  'constructor',
  'x',
];
const TYPES = ['application/proto', 'application/connect+proto', 'application/json', 'application/grpc'];

/** A message to publish as JSON, or what is not quite one. */
export function publishRequest(chance: Chance, token: string): Buffer[] {
  const text = JSON.stringify(chance.happens(0.4) ? publishBody(chance) : anyValue(chance, 4));
  const body = Buffer.from(
    chance.happens(0.05) ? text.repeat(1 + chance.below((6_000 * KIB) / text.length)) : text,
  );
  const request = requestBytes({
    method: 'POST',
    path: '/v1/rooms/fuzz/messages',
    headers: [bearer(token), 'Content-Type: application/json', `Idempotency-Key: k${chance.below(100)}`],
    body: chance.happens(0.5) ? chance.mutate(body) : body,
  });
  return chance.split(request.subarray(0, chance.happens(0.2) ? chance.below(request.length) : undefined));
}

/** A call by the Connect protocol, or what is not quite one. */
export function connectCall(chance: Chance, token: string): Buffer[] {
  const messages = {
    Connect: liveService.Connect.requestSerialize({ hello: { client: 'fuzz' } }),
    Publish: liveService.Publish.requestSerialize({
      room: 'fuzz',
      type: 'gift',
      payload: chance.bytes(2_000),
    }),
    Pull: liveService.Pull.requestSerialize({ room: 'tea', start: { last: 5 }, limit: chance.below(10) }),
    GetRoom: liveService.GetRoom.requestSerialize({ room: 'tea' }),
  };
  const method = chance.pick(METHODS);
  const message = chance.happens(0.5) ? chance.mutate(messages[method]) : messages[method];
  const enveloped = method === 'Pull' && chance.happens(0.8) ? grpcMessage(message) : message;
  const usual = method === 'Pull' ? 'application/connect+proto' : 'application/proto';
  const type = chance.happens(0.9) ? usual : chance.pick(TYPES);
  return chance.split(
    requestBytes({
      method: 'POST',
      path: liveService[method].path,
      headers: [bearer(token), `Content-Type: ${type}`, `Connect-Timeout-Ms: ${10 ** chance.below(12)}`],
      body: chance.happens(0.2) ? chance.mutate(enveloped) : enveloped,
    }),
  );
}

function publishBody(chance: Chance): object {
  const size = chance.happens(0.02) ? 6_000 * KIB : chance.happens(0.1) ? 600 * KIB : 200;
  const payload = 'x'.repeat(chance.below(size));
  return {
    type: chance.pick(['gift', 'comment', 'like', 'mine']),
    ...(chance.happens(0.3) ? { class: chance.pick(['reliable', 'ephemeral', 'none']) } : {}),
    ...(chance.happens(0.5) ? { payload } : { payloadBase64: Buffer.from(payload).toString('base64') }),
    ...(chance.happens(0.3) ? { headers: { a: chance.pick(TEXTS) } } : {}),
    ...(chance.happens(0.3) ? { sender: chance.pick(TEXTS) } : {}),
  };
}

function anyValue(chance: Chance, depth: number): unknown {
  if (depth === 0) return chance.pick([null, true, 0, -0, 1e308, 2 ** 53, ...TEXTS]);
  const ways = [
    () => anyValue(chance, 0),
    () => chance.several(5, () => anyValue(chance, depth - 1)),
    () => Object.fromEntries(chance.several(5, () => [chance.pick(FIELDS), anyValue(chance, depth - 1)])),
  ];
  return chance.pick(ways)();
}
