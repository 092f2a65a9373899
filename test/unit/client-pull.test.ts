import assert from 'node:assert/strict';
import { pullEvents } from '../../client/core/pull.ts';
import { fromCallError } from '../../client/transports/grpc/errors.ts';
import type { PullResponse } from '../../protos/gen/live/v1/PullResponse.ts';
import { liveService } from '../../protos/live.ts';
import { cursorAt } from '../helpers/scripted-client.ts';

describe('client pull', () => {
  async function* parts(...found: PullResponse[]): AsyncGenerator<PullResponse> {
    for (const part of found) yield await Promise.resolve(part);
  }

  const told = { name: 'LiveError', codeName: 'INTERNAL' };
  const decoded = (part: Parameters<typeof liveService.Pull.responseSerialize>[0]): PullResponse =>
    liveService.Pull.responseDeserialize(liveService.Pull.responseSerialize(part));

  it('throws nothing but LiveErrors, whatever comes', async () => {
    const end = decoded({ end: { cursor: cursorAt(1), head: 1 } });
    const senseless = { ...end, end: { ...end.end!, head: 'much' } };
    const events = pullEvents('r1', parts(end, senseless), () => undefined);
    assert.equal((await events.next()).value?.kind, 'end');
    await assert.rejects(events.next(), { ...told, message: /makes no sense/ });
  });

  it('takes an error that is not of gRPC, too', () => {
    const broken = new Error('Premature close');
    const { codeName, message, cause } = fromCallError(broken);
    assert.deepEqual([codeName, message, cause], ['INTERNAL', 'the call failed: Premature close', broken]);
  });
});
