import assert from 'node:assert/strict';
import type { ServerHttp2Stream } from 'node:http2';
import { StreamAllowance } from '../../server/transport/grpc/stream-allowance.ts';

describe('Isolated: streams of a connection', () => {
  /** What a connection is told while so many calls of it are served. */
  function told(allowance: StreamAllowance, calls: number): number[] {
    const limits: number[] = [];
    const session = {
      destroyed: false,
      settings: ({ maxConcurrentStreams }: { maxConcurrentStreams: number }) =>
        limits.push(maxConcurrentStreams),
    };
    for (let n = 0; n < calls; n++)
      allowance.served({ id: 2 * n + 1, session } as unknown as ServerHttp2Stream);
    return limits;
  }

  it('are few at first, and more as they are served, up to the limit', () => {
    const allowance = new StreamAllowance(450);
    assert.equal(allowance.atFirst, 100);
    assert.deepEqual(told(allowance, 74), []);
    assert.deepEqual(told(allowance, 75), [200]);
    assert.deepEqual(told(allowance, 10_000), [200, 300, 400, 450]);
  });

  it('are never more than the limit', () => {
    const allowance = new StreamAllowance(20);
    assert.equal(allowance.atFirst, 20);
    assert.deepEqual(told(allowance, 1_000), []);
  });
});
