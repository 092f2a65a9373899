import assert from 'node:assert/strict';
import { decodeServerFrame } from '../../protos/live.ts';
import { bareFrame } from '../../server/log/frame-prefix.ts';
import { HeartbeatFrames } from '../../server/session/heartbeat-frames.ts';

describe('Isolated: heartbeats', () => {
  it('of one moment are made once for all who are to be told the same', () => {
    const heartbeats = new HeartbeatFrames(['STREAM_MISSING']);
    const room = { room: 'r', head: 7, audience: 2 };
    const frame = heartbeats.of([room]);
    assert.equal(heartbeats.of([{ ...room }]), frame);
    const told = (bytes: Buffer): unknown => decodeServerFrame(bareFrame(bytes)).heartbeat?.rooms;
    assert.deepEqual(told(frame), [{ ...room, head: '7' }]);
    for (const other of [
      [],
      [{ ...room, head: 8 }],
      [{ ...room, audience: 3 }],
      [room, { ...room, room: 's' }],
    ])
      assert.deepEqual(
        told(heartbeats.of(other)),
        other.map((one) => ({ ...one, head: String(one.head) })),
      );
  });
});
