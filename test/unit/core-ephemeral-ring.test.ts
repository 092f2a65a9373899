import assert from 'node:assert/strict';
import fc from 'fast-check';
import { liveService } from '../../protos/live.ts';
import { batchFrame } from '../../server/log/entry-codec.ts';
import type { EphemeralSlice } from '../../server/log/ephemeral-ring.ts';
import { bareFrame } from '../../server/log/frame-prefix.ts';
import { EphemeralRing } from '../../server/log/ephemeral-ring.ts';
import type { EphemeralMessage } from '../../server/log/message.ts';
import { runs } from '../helpers/property.ts';

function comment(text: string, bytes = 0): EphemeralMessage {
  const payload = Buffer.alloc(bytes + Buffer.byteLength(text));
  payload.write(text, bytes);
  return { content: { id: '', type: 'comment', sender: '', payload, headers: [] }, timeMs: 0 };
}

function textsOf(slice: EphemeralSlice): string[] {
  const frame = batchFrame('r', slice.pieces);
  const { batch } = liveService.Connect.responseDeserialize(bareFrame(frame));
  return (batch?.ephemeral ?? []).map(({ payload }) => payload.toString().replaceAll('\0', ''));
}

const NOTHING = { pieces: [], count: 0, dropped: 0, late: false };

describe('core: ephemeral ring', () => {
  it('gives what came since, in order', () => {
    const ring = new EphemeralRing();
    ring.append(comment('a'), 0);
    ring.append(comment('b'), 10);
    assert.deepEqual(textsOf(ring.read(0, 20)), ['a', 'b']);
    assert.deepEqual(textsOf(ring.read(1, 20)), ['b']);
    assert.deepEqual(ring.read(2, 20), { ...NOTHING, upto: 2 });
  });

  it('counts as dropped what is too old by the time it could be sent, though nothing came since', () => {
    const ring = new EphemeralRing();
    ring.append(comment('a'), 0);
    ring.append(comment('b'), 500);
    const slice = ring.read(0, 10_000);
    assert.deepEqual(textsOf(slice), []);
    assert.equal(slice.dropped, 2);
    ring.append(comment('c'), 10_001);
    assert.deepEqual(textsOf(ring.read(0, 10_002)), ['c']);
    assert.equal(ring.read(0, 10_002).dropped, 2);
  });

  it('keeps a message for at least its maximal age, unless pressed for memory', () => {
    const ring = new EphemeralRing();
    for (let at = 0; at <= 5_000; at += 100) {
      ring.append(comment(`t${at}`), at);
      const texts = textsOf(ring.read(0, at));
      const young = Array.from(
        { length: Math.min(at / 100, 9) + 1 },
        (_, back) => `t${at - back * 100}`,
      ).reverse();
      assert.deepEqual(texts.slice(-young.length), young);
      assert.ok(texts.length <= 21, `${texts.length} messages of the last two seconds`);
    }
  });

  it('tells of what was passed over with the next message, and owes nobody anything before', () => {
    const ring = new EphemeralRing();
    ring.append(comment('a'), 0);
    for (let n = 0; n < 3; n++) ring.passOver();
    const late = ring.count;
    assert.deepEqual(ring.read(1, 10), { ...NOTHING, upto: 1 });
    assert.deepEqual(ring.read(late, 10), { ...NOTHING, upto: late });
    ring.append(comment('b'), 20);
    for (const [seen, texts, dropped] of [
      [0, ['a', 'b'], 3],
      [1, ['b'], 3],
      [late, ['b'], 0],
    ] as const) {
      const slice = ring.read(seen, 20);
      assert.deepEqual([textsOf(slice), slice.dropped, slice.upto], [texts, dropped, ring.head]);
    }
  });

  it('says whether whoever missed something came too late, or nobody got it', () => {
    const ring = new EphemeralRing();
    ring.append(comment('a'), 0);
    ring.passOver();
    ring.append(comment('b'), 10);
    assert.equal(ring.read(0, 10).late, false);
    ring.append(comment('c'), 5_000);
    ring.append(comment('d'), 5_000);
    const { late, dropped, count } = ring.read(0, 5_000);
    assert.deepEqual([late, dropped, count], [true, 3, 2]);
  });

  it('stays small whatever comes', () => {
    const ring = new EphemeralRing();
    for (let n = 0; n < 5_000; n++) ring.append(comment(`${n}`, 1_000), n);
    assert.ok(ring.memory < 128 * 1024, `${ring.memory} bytes`);
  });

  it('property: received and dropped add up to all, whenever a viewer comes', () => {
    const action = fc.oneof(
      fc.record({ kind: fc.constant('append' as const), bytes: fc.constantFrom(0, 100, 9_000, 20_000) }),
      fc.record({ kind: fc.constant('pass over' as const) }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.nat({ max: 1_500 }) }),
      fc.record({ kind: fc.constant('read' as const), viewer: fc.nat({ max: 2 }) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const ring = new EphemeralRing();
        const viewers = [0, 1, 2].map(() => ({ seen: 0, got: [] as string[], dropped: 0 }));
        let nowMs = 0;
        let came = 0;
        let told = 0;
        const read = (viewer: (typeof viewers)[number]): void => {
          const slice = ring.read(viewer.seen, nowMs);
          viewer.seen = slice.upto;
          viewer.got.push(...textsOf(slice));
          viewer.dropped += slice.dropped;
          assert.equal(viewer.got.length + viewer.dropped, told);
        };
        for (const step of actions) {
          if (step.kind === 'append') {
            ring.append(comment(`${came++}`, step.bytes), nowMs);
            told = came;
          } else if (step.kind === 'pass over') {
            ring.passOver();
            came++;
          } else if (step.kind === 'wait') nowMs += step.ms;
          else read(viewers[step.viewer] as (typeof viewers)[number]);
        }
        for (const viewer of viewers) {
          read(viewer);
          assert.deepEqual(
            viewer.got,
            viewer.got.toSorted((a, b) => Number(a) - Number(b)),
          );
          assert.equal(new Set(viewer.got).size, viewer.got.length);
        }
      }),
      runs(200),
    );
  });
});
