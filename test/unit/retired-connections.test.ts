import assert from 'node:assert/strict';
import type { ServerHttp2Session } from 'node:http2';
import { RetiredConnections } from '../../server/transport/grpc/retired-connections.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

describe('Isolated: connections that take no more streams', () => {
  it('go on with those that they have, and are ended when they go on sending all the same', () => {
    const clock = new ManualClock();
    let bytes = 1_000_000;
    const session = {
      closed: false,
      destroyed: false,
      close(): void {
        session.closed = true;
      },
      destroy(): void {
        session.destroyed = true;
      },
    };
    const retired = new RetiredConnections(clock, { bytesRead: () => bytes, read: () => undefined });
    retired.retire(session as unknown as ServerHttp2Session);
    assert.ok(session.closed);
    for (let n = 0; n < 40; n++) {
      bytes += 60_000;
      clock.advance(250);
    }
    assert.equal(session.destroyed, false);
    bytes += 70_000;
    clock.advance(250);
    assert.ok(session.destroyed);
    retired.close();
  });
});
