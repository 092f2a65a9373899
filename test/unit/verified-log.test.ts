import assert from 'node:assert/strict';
import type { HistoryRead, RoomEnd } from '../../server/log/evidence.ts';
import { fingerprint } from '../../server/log/fingerprint.ts';
import type { StoredMessage } from '../../server/log/message.ts';
import { lastOf } from '../../server/log/message.ts';
import { VerifiedLog } from '../../server/log/verified-log.ts';

const EPOCH = 'LIVE@1';

function message(seq: number, text = `m${seq}`): StoredMessage {
  const content = { id: '', type: 'gift', sender: '', payload: Buffer.from(text), headers: [] };
  return { seq, fingerprint: fingerprint(content), content, timeMs: seq };
}

/** The room's end as the leader tells it. */
function end(lastSeq: number, last?: StoredMessage, more: Partial<RoomEnd> = {}): RoomEnd {
  return {
    epoch: EPOCH,
    formerly: [],
    lastSeq,
    last: last && lastOf(last),
    firstSeq: 1,
    stream: undefined,
    ...more,
  };
}

/** What was read of the stream from `from` to `upto`. */
function read(
  from: number,
  upto: number,
  messages: StoredMessage[],
  more: Partial<HistoryRead> = {},
): HistoryRead {
  const evidence = { epoch: EPOCH, predated: false, firstSeq: 1, fromHeldElsewhere: false };
  return { ...evidence, from, upto, lastSeq: upto, messages, ...more };
}

function begun(at: RoomEnd): VerifiedLog {
  const log = new VerifiedLog('r');
  log.begin(at);
  return log;
}

describe('Reliable: the verified log', () => {
  it('begins at the end of the stream, with a cursor that names the newest message', () => {
    const log = begun(end(9, message(7)));
    assert.deepEqual([log.head, log.watermark, log.messages.base], [7, 9, 7]);
    assert.deepEqual(log.resumeCursor, { epoch: EPOCH, seq: 7, fingerprint: message(7).fingerprint });
  });

  it('begins behind everything where the room has no message: its cursor is a position', () => {
    const log = begun(end(9));
    assert.deepEqual([log.head, log.messages.base], [9, 9]);
    assert.deepEqual(log.resumeCursor, { epoch: EPOCH, seq: 9, fingerprint: 0 });
  });

  it('is followed only by the message that names its last one, behind the watermark', () => {
    const log = begun(end(9, message(7)));
    assert.ok(log.isFollowedBy({ message: message(10), prevSeq: 7 }));
    assert.ok(!log.isFollowedBy({ message: message(10), prevSeq: 8 }), 'one between them is missing');
    assert.ok(!log.isFollowedBy({ message: message(9), prevSeq: 7 }), 'where none was yet');
    assert.ok(
      !begun(end(9)).isFollowedBy({ message: message(10), prevSeq: 0 }),
      'nothing says that none is missing',
    );
  });

  it('knows a repeat, and another message in its place for what it is', () => {
    const log = begun(end(7, message(7)));
    log.append(message(8));
    assert.ok(log.holds({ message: message(8), prevSeq: 7 }));
    assert.ok(!log.holds({ message: message(8, 'another'), prevSeq: 7 }));
    assert.ok(log.holds({ message: message(3), prevSeq: 0 }), 'further back than it reaches');
  });

  it('agrees with the leader on its newest message, and on none where it is no longer held', () => {
    const log = begun(end(7, message(7)));
    assert.ok(log.agreesWith(end(9, message(7)), log.known));
    assert.ok(!log.agreesWith(end(9, message(8)), log.known), 'there is more');
    assert.ok(!log.agreesWith(end(9, message(7, 'another')), log.known));
    assert.ok(!log.agreesWith(end(9), log.known), 'it was held when it was last asked');
    log.verify(9, false);
    assert.ok(log.agreesWith(end(9), log.known));
    assert.ok(
      !log.agreesWith(end(12, undefined, { firstSeq: 12 }), log.known),
      'what came may have gone unseen',
    );
  });

  it('raises its watermark, never lowers it, and moves the cursor with it only where no message can be named', () => {
    const log = begun(end(7, message(7)));
    assert.equal(log.verify(9, true), false);
    assert.equal(log.verify(8, true), false);
    assert.equal(log.watermark, 9);
    assert.equal(log.verify(9, false), true, 'the message has gone');
    assert.deepEqual(log.resumeCursor, { epoch: EPOCH, seq: 9, fingerprint: 0 });
  });

  it('cannot name a message that was left where it is, until it has been looked at', () => {
    const large = message(7, 'large');
    const log = begun(end(7, undefined, { last: { ...lastOf(large), fingerprint: 0 } }));
    assert.ok(log.unidentified);
    assert.equal(log.identify([{ ...large, timeMs: 1 }]), false, 'another one, of another time');
    assert.equal(log.identify([large]), true);
    assert.equal(log.resumeCursor.fingerprint, large.fingerprint);
  });

  it('judges what was read from its last message', () => {
    const log = begun(end(7, message(7)));
    assert.equal(log.placeToReadFrom(end(9, message(9))), 7);
    assert.equal(log.judge(read(7, 9, [message(7), message(9)])), 'continuous');
    assert.equal(log.judge(read(7, 9, [message(7, 'another')])), 'rewound');
    assert.equal(log.judge(read(7, 9, [], { fromHeldElsewhere: true })), 'rewound');
    assert.equal(log.judge(read(7, 9, [message(9)], { firstSeq: 9 })), 'evicted');
    assert.equal(log.judge(read(7, 9, [], { epoch: 'LIVE@2' })), 'recreated');
    log.verify(8, true);
    assert.equal(
      log.judge(read(7, 9, [message(9)], { firstSeq: 9 })),
      'continuous',
      'nothing was behind it to be evicted',
    );
  });

  it('takes a message where none was for another history', () => {
    const log = begun(end(9));
    assert.equal(log.placeToReadFrom(end(9, message(5))), 5, 'below the watermark');
    assert.equal(log.judge(read(5, 9, [message(5)])), 'rewound');
    log.rewindTo(4);
    assert.deepEqual([log.incarnation.number, log.incarnation.start], [2, 4]);
    assert.equal(log.judge(read(4, 9, [message(5)])), 'continuous');
  });

  it('goes on under another name of the stream, and knows the former ones', () => {
    const log = begun(end(7, message(7)));
    log.rename(end(7, message(7), { epoch: 'LIVE@2', formerly: ['LIVE@0'] }));
    const { number, epoch, formerly } = log.incarnation;
    assert.deepEqual([number, epoch, formerly], [1, 'LIVE@2', [EPOCH, 'LIVE@0']]);
    assert.equal(log.messages.fingerprintAt(7), message(7).fingerprint, 'it is the same history');
  });

  it('takes over what was read behind its end, once', () => {
    const log = begun(end(7, message(7)));
    log.extend(read(7, 12, [message(7), message(9), message(11)]), 7);
    assert.deepEqual([log.head, log.watermark], [11, 12]);
    assert.equal(log.messages.read(7).count, 2);
  });
});
