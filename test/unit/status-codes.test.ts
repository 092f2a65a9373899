import assert from 'node:assert/strict';
import { status as grpcStatus } from '@grpc/grpc-js';
import { status, statusName } from '../../protos/status-codes.ts';

describe('status codes', () => {
  it('are those of gRPC', () => {
    const theirs = Object.entries(grpcStatus).filter(([, code]) => typeof code === 'number');
    assert.deepEqual(status, Object.fromEntries(theirs));
  });

  it('have names, and one that is not known is shown as it is', () => {
    assert.equal(statusName(14), 'UNAVAILABLE');
    assert.equal(statusName(99), '99');
  });
});
