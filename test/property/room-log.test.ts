import assert from 'node:assert/strict';
import fc from 'fast-check';
import { liveService } from '../../protos/live.ts';
import { batchFrame, batchHeadroom, reliableEntry } from '../../server/log/entry-codec.ts';
import { bareFrame } from '../../server/log/frame-prefix.ts';
import type { StoredMessage } from '../../server/log/message.ts';
import { RoomLog } from '../../server/log/room-log.ts';
import { Segment } from '../../server/log/segment.ts';
import type { Slice } from '../../server/log/segment.ts';
import { runs } from '../helpers/property.ts';

function message(seq: number, payloadBytes = 0): StoredMessage {
  const content = { id: `m${seq}`, type: '', sender: '', payload: Buffer.alloc(payloadBytes), headers: [] };
  return { seq, fingerprint: seq * 7 + 1, content, timeMs: 0 };
}

/** The sequences in a slice, as a client would read them. */
function seqsOf(slice: Slice): number[] {
  const made = batchFrame('r', slice.pieces);
  if (slice.frame !== undefined)
    assert.deepEqual(slice.frame.plain, made, 'what lies there is what would be made');
  const { batch } = liveService.Connect.responseDeserialize(bareFrame(made));
  const seqs = (batch?.reliable ?? []).map(({ seq }) => Number(seq));
  assert.equal(seqs.length, slice.count);
  return seqs;
}

/** Ascending sequences after `base`, with holes. */
const ascending = (base: number, maxLength: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 1, max: 5 }), { maxLength }).map((steps) => {
    let seq = base;
    return steps.map((step) => (seq += step));
  });

describe('Reliable: segment', () => {
  it('reads what a list of messages would give, from every position and with every limit', () => {
    fc.assert(
      fc.property(
        ascending(10, 20),
        fc.integer({ min: 1, max: 6 }),
        fc.nat({ max: 8 }),
        fc.boolean(),
        (seqs, entries, extension, sealed) => {
          const segment = new Segment(10, batchHeadroom('r'));
          for (const seq of seqs) {
            const stored = message(seq, seq % 7);
            segment.append(seq, stored.fingerprint, reliableEntry(stored, 0));
          }
          if (sealed && seqs.length > 0) segment.seal('r');
          const last = seqs.at(-1) ?? 10;
          segment.extend(last + extension);
          segment.extend(last);
          assert.equal(segment.upto, last + extension);
          assert.equal(segment.count, seqs.length);
          for (let after = 10; after <= segment.upto + 2; after++) {
            const behind = seqs.filter((seq) => seq > after);
            const limited = behind.slice(0, entries);
            const slice = segment.read(after, entries);
            assert.deepEqual(seqsOf(slice), limited);
            assert.equal(slice.frame !== undefined, segment.sealed && limited.length === seqs.length);
            const last = limited.at(-1);
            assert.equal(slice.upto, last ?? Math.max(after, segment.upto));
            assert.equal(slice.fingerprint, last === undefined ? 0 : message(last).fingerprint);
            assert.equal(segment.fingerprintAt(after), seqs.includes(after) ? after * 7 + 1 : undefined);
            assert.equal(segment.nextAfter(after), behind[0]);
          }
          for (let n = 1; n <= seqs.length + 1; n++) assert.equal(segment.seqFromEnd(n), seqs.at(-n));
        },
      ),
      runs(150),
    );
  });

  it('takes no entry behind its end', () => {
    const segment = new Segment(5);
    const entry = reliableEntry(message(6), 0);
    assert.throws(() => segment.append(5, 1, entry), RangeError);
    segment.append(6, 1, entry);
    assert.throws(() => segment.append(6, 1, entry), RangeError);
  });

  it('takes no entry once it is sealed, and counts what its frame takes beside it', () => {
    const segment = new Segment(0, batchHeadroom('r'));
    segment.append(1, 1, reliableEntry(message(1, 10_000), 0));
    segment.seal('r');
    assert.throws(() => segment.append(2, 1, reliableEntry(message(2), 1)), RangeError);
    const before = segment.memory;
    const frame = segment.read(0).frame?.deflated;
    assert.equal(segment.memory, before + (frame?.length ?? Number.NaN));
  });
});

type Step = { kind: 'append'; gap: number; size: number } | { kind: 'evict' };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      gap: fc.integer({ min: 1, max: 4 }),
      size: fc.nat({ max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'evict' }) },
);

describe('property: room log', () => {
  it('holds everything between base and head, through segments and evictions', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.nat({ max: 100 }), (steps, base) => {
        const log = new RoomLog('r', base, base === 0 ? 0 : base * 7 + 1);
        let seqs: number[] = [];
        const fingerprints = new Map<number, number>(base === 0 ? [] : [[base, base * 7 + 1]]);
        let head = base;
        for (const action of steps) {
          if (action.kind === 'append') {
            const stored = message(head + action.gap, [10, 5_000, 30_000, 150_000][action.size]);
            log.append(stored, head);
            head = stored.seq;
            seqs.push(head);
            fingerprints.set(head, stored.fingerprint);
          } else {
            const before = log.memory;
            log.evictOldest();
            assert.ok(log.memory < before || before === 0, 'an eviction that frees nothing');
          }
          assert.equal(log.head, head);
          seqs = seqs.filter((seq) => seq > log.base);
        }
        if (seqs.length === 0) assert.equal(log.base, head);
        for (let at = Math.max(0, log.base - 2); at <= head + 2; at++) {
          const known = at >= log.base ? fingerprints.get(at) : undefined;
          assert.equal(log.fingerprintAt(at), known, `fingerprint at ${at}, base ${log.base}`);
        }
        for (let n = 1; n <= seqs.length + 1; n++) assert.equal(log.seqFromEnd(n), seqs.at(-n));
        for (const entries of [1, 3, Infinity]) {
          for (let after = log.base; after <= head; after++) {
            assert.deepEqual(
              walk(log, after, entries),
              seqs.filter((seq) => seq > after),
            );
          }
        }
      }),
      runs(60),
    );
  });

  it('counts the memory that it takes, and none after everything was evicted', () => {
    const log = new RoomLog('r', 0, 0);
    for (let seq = 1; seq <= 30; seq++) log.append(message(seq, 50_000), seq - 1);
    assert.ok(log.memory >= 30 * 50_000);
    while (log.base < log.head) log.evictOldest();
    assert.equal(log.memory, 0);
    assert.equal(log.base, 30);
    assert.equal(log.fingerprintAt(30), 211);
  });

  it('takes hardly more memory than its messages, counts what is kept for the next who is behind, and lets go of it', () => {
    const log = new RoomLog('r', 0, 0);
    for (let seq = 1; seq <= 1_000; seq++) log.append(message(seq, 1_000), seq - 1);
    const { memory } = log;
    assert.ok(memory < 1.1 * 1_000 * 1_100, `${memory} bytes`);
    const frame = log.frameOf(3, log.read(3));
    assert.equal(log.frameOf(3, log.read(3)), frame);
    assert.equal(log.memory, memory + frame.plain.length);
    const { deflated } = frame;
    assert.equal(log.memory, memory + frame.plain.length + deflated.length);
    log.evictOldest();
    assert.ok(log.memory < memory - 60_000);
  });

  it('keeps its own copy of what it is given', () => {
    const log = new RoomLog('r', 0, 0);
    const stored = message(1, 3);
    log.append(stored, 0);
    stored.content.payload.fill(9);
    assert.ok(!Buffer.concat(log.read(0).pieces).includes(9));
  });

  it('who is far behind gets the same frames from the next segment on, wherever they began', () => {
    const log = new RoomLog('r', 0, 0);
    for (let seq = 1; seq <= 1_000; seq++) log.append(message(seq, 1_000), seq - 1);
    const framesFrom = (after: number): readonly unknown[] => {
      const frames: unknown[] = [];
      for (let at = after; at < log.head;) {
        const { frame, upto } = log.read(at);
        frames.push(frame);
        at = upto;
      }
      return frames;
    };
    const all = framesFrom(0);
    assert.ok(all.length >= 16 && all.slice(0, -1).every((frame) => frame !== undefined));
    for (const after of [1, 60, 100, 500]) {
      const frames = framesFrom(after).slice(1);
      assert.ok(frames.length > 5);
      assert.deepEqual(frames, all.slice(-frames.length));
    }
  });

  it('who is nearly at the head gets there in one read, unless that would be more than a frame', () => {
    const log = new RoomLog('r', 0, 0);
    let seq = 0;
    const append = (bytes: number): void => log.append(message(++seq, bytes), seq - 1);
    for (const bytes of [20_000, 20_000, 20_000, 20_000]) append(bytes);
    assert.equal(log.read(0).upto, 3, 'a segment of three');
    assert.equal(log.read(2).upto, 4, 'through the end of the segment');
    assert.equal(log.read(2, 1).upto, 3);
    append(10_000);
    append(20_000);
    assert.equal(log.read(2).upto, 3, 'beyond 64 KiB');
  });

  it('cuts no read short of a frame, nor lets one be more than one, but for a single message', () => {
    const log = new RoomLog('r', 0, 0);
    for (let seq = 1; seq <= 200; seq++) log.append(message(seq, seq % 50 === 0 ? 200_000 : 1_000), seq - 1);
    for (let at = 0; at < log.head;) {
      const { frame, upto, count } = log.read(at);
      const bytes = frame?.plain.length ?? 0;
      assert.ok(count === 1 || bytes <= 64 * 1024);
      at = upto;
    }
  });

  it('property: frames never change, and hold what was read, whatever happens to the log', () => {
    const append = fc.record({
      gap: fc.integer({ min: 1, max: 3 }),
      bytes: fc.constantFrom(0, 10, 3_000, 20_000, 31_000, 65_450, 65_536, 70_000),
      evicts: fc.boolean(),
    });
    const room = fc.constantFrom('r', 'r'.repeat(64));
    const entries = fc.constantFrom(Infinity, 1, 2, 7);
    fc.assert(
      fc.property(fc.array(append, { maxLength: 40 }), room, entries, (steps, room, maxEntries) => {
        const log = new RoomLog(room, 0, 0);
        const given: { readonly frame: Buffer; readonly copy: Buffer }[] = [];
        for (const { gap, bytes, evicts } of steps) {
          log.append(message(log.head + gap, bytes), log.head);
          if (evicts && log.memory > 500_000) log.evictOldest();
          for (let at = Math.max(log.base, log.head - 5); at < log.head;) {
            const slice = log.read(at, maxEntries);
            const made = batchFrame(room, slice.pieces);
            const frame = log.frameOf(at, slice).plain;
            assert.ok(frame.equals(made));
            given.push({ frame, copy: made });
            at = slice.upto;
          }
        }
        assert.ok(given.every(({ frame, copy }) => frame.equals(copy)));
      }),
      runs(60),
    );
  });

  /** All sequences behind `after`, read in as many steps as it takes. */
  function walk(log: RoomLog, after: number, entries: number): number[] {
    const seqs: number[] = [];
    for (let at = after; ;) {
      const slice = log.read(at, entries);
      assert.ok(slice.count > 0 || slice.upto === at);
      if (slice.count === 0) return seqs;
      seqs.push(...seqsOf(slice));
      assert.equal(slice.upto, seqs.at(-1));
      at = slice.upto;
    }
  }
});
