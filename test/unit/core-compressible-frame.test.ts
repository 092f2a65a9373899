import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { liveService } from '../../protos/live.ts';
import { bareFrame, PREFIX_BYTES, prefixedFrame } from '../../server/log/frame-prefix.ts';
import { CompressibleFrame } from '../../server/log/compressible-frame.ts';

describe('core: compressible frame', () => {
  it('inflates to the plain frame, whatever its length', () => {
    for (const length of [60, 1_000, 70_000]) {
      const plain = Buffer.alloc(length, 'a gift, and another gift; ');
      const frame = new CompressibleFrame(prefixedFrame(plain));
      assert.equal(frame.deflated.readUInt32BE(1), frame.deflated.length - PREFIX_BYTES);
      const { deflated } = liveService.Connect.responseDeserialize(bareFrame(frame.deflated));
      assert.ok(deflated, `${length} bytes are compressed`);
      assert.deepEqual(inflateRawSync(deflated), plain);
      assert.ok(frame.deflated.length < length);
    }
  });

  it('is made once for all', () => {
    const frame = new CompressibleFrame(Buffer.alloc(1_000, 'x'));
    assert.equal(frame.deflated, frame.deflated);
  });

  it('stays plain where compressing does not pay', () => {
    const short = Buffer.from('short');
    assert.equal(new CompressibleFrame(short).deflated, short);
    const long = Buffer.alloc(200_000, 'x');
    assert.equal(new CompressibleFrame(long).deflated, long, 'it would take too long at once');
    const random = randomBytes(10_000);
    assert.equal(new CompressibleFrame(random).deflated, random);
  });
});
