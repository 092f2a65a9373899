import type { ClientFrameInput } from '../../protos/live.ts';
import { liveService } from '../../protos/live.ts';
import { encoded } from '../helpers/tokens.ts';
import type { Chance } from './chance.ts';

const CURSOR = { epoch: 'x', seq: '1', fingerprint: 1 };
/** What viewers say, and a little beyond. */
const CLIENT_FRAMES: readonly ClientFrameInput[] = [
  { join: { room: 'tea', start: { live: {} } } },
  { join: { room: 'tea', start: { earliest: {} } } },
  { join: { room: 'tea', cursor: CURSOR } },
  { join: { room: 'tea', start: { last: 10 } } },
  { leave: { room: 'tea' } },
  { ack: {} },
  { ping: { nonce: 1 } },
  { credit: {} },
  { renew: { token: 'none' } },
  { publish: { request: { room: 'fuzz', type: 'gift', payload: Buffer.from('x'), key: 'k' } } },
  {},
];
export const METHODS = ['Connect', 'Publish', 'Pull', 'GetRoom'] as const;

/** A frame of a viewer, sometimes only bytes. */
export function clientFrame(chance: Chance): Buffer {
  return chance.happens(0.1)
    ? chance.bytes(200)
    : liveService.Connect.requestSerialize(chance.pick(CLIENT_FRAMES));
}

/** What a viewer says first. */
export const HELLO = liveService.Connect.requestSerialize({ hello: { client: 'fuzz' } });

/** A token that is not `valid`, but may look like it. */
export function oddToken(chance: Chance, valid: string): string {
  const [, claims = ''] = valid.split('.');
  const made = [
    () => chance.pick(['', '.', '..', 'a.b.c', 'x'.repeat(100)]),
    () => `${encoded({ alg: 'none' })}.${claims}.`,
    () =>
      `${encoded({ alg: 'HS256', kid: '../../secret' })}.${claims}.${chance.bytes(32).toString('base64url')}`,
    () => valid + 'A'.repeat(chance.below(12_000)),
  ];
  return chance.happens(0.3) ? chance.pick(made)() : chance.mutateText(valid);
}
