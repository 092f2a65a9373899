import assert from 'node:assert/strict';
import { http2StreamOf } from '../../server/transport/grpc/http2-stream.ts';

describe('rpc: HTTP/2 stream of a call', () => {
  it('says so where grpc-js keeps it elsewhere', () => {
    assert.throws(() => http2StreamOf({}), /keeps the HTTP\/2 stream of a call elsewhere/);
    assert.throws(() => http2StreamOf({ stream: {} }), /elsewhere/);
  });
});
