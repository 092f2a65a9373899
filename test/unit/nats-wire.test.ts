import assert from 'node:assert/strict';
import type { NatsConnection as NatsClient } from 'nats';
import { parseServerError, Wire } from '../../server/nats/connection/wire.ts';

describe('the wire below the NATS client', () => {
  it('is not to be had of a client that keeps it elsewhere, which is said', () => {
    assert.throws(() => new Wire({} as NatsClient), /keeps the socket of a connection elsewhere/);
  });

  it('reads what servers complain of', () => {
    assert.deepEqual(parseServerError(`'Permissions Violation for Publish to "live.room.tea"'`), {
      code: 'PERMISSIONS_VIOLATION',
      text: 'Permissions Violation for Publish to "live.room.tea"',
      operation: 'publish',
      subject: 'live.room.tea',
    });
    assert.deepEqual(
      parseServerError(`'Permissions Violation for Subscription to "live.feed.tea" (sid "7")'`),
      {
        code: 'PERMISSIONS_VIOLATION',
        text: 'Permissions Violation for Subscription to "live.feed.tea" (sid "7")',
        operation: 'subscription',
        subject: 'live.feed.tea',
      },
    );
    assert.equal(parseServerError(`'maximum subscriptions exceeded'`).code, 'MAX_SUBSCRIPTIONS');
    assert.deepEqual(parseServerError(`'Unknown Protocol Operation'`), {
      code: 'OTHER',
      text: 'Unknown Protocol Operation',
    });
  });
});
