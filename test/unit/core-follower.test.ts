import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { FeedMessage } from '../../server/log/evidence.ts';
import type { LastMessage } from '../../server/log/message.ts';
import { lastOf } from '../../server/log/message.ts';
import { Follower } from '../../server/room/follower.ts';
import type { Feed } from '../../server/upstream/upstream.ts';
import { liveService } from '../../protos/live.ts';
import { batchFrame } from '../../server/log/entry-codec.ts';
import { bareFrame } from '../../server/log/frame-prefix.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { runs } from '../helpers/property.ts';
import { settle } from '../helpers/settle.ts';
import { StreamModel } from '../helpers/stream-model.ts';

/** A follower of room `r` on a stream model, stepped by hand. */
class Rig implements AsyncDisposable {
  readonly stream = new StreamModel();
  readonly clock = new ManualClock();
  readonly told = { changed: 0, replaced: 0, repairing: 0 };
  #feed: Feed | undefined;
  readonly follower = new Follower({
    room: 'r',
    upstream: this.stream,
    clock: this.clock,
    maxCheckMs: 30_000,
    listener: {
      changed: () => this.told.changed++,
      replaced: () => this.told.replaced++,
      repairing: () => this.told.repairing++,
    },
  });

  /** Opens the feed, and follows it. */
  async open(): Promise<void> {
    this.#feed = await this.stream.openFeed('r', {
      reliable: (message) => this.follower.receive(message),
      doubtful: () => void this.follower.check(),
      ephemeral: () => undefined,
    });
    await this.follower.start();
  }

  publish(...texts: string[]): void {
    for (const text of texts) this.stream.publish('r', text);
  }

  /** Moves time on, a tenth of a second at a time. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      this.clock.advance(Math.min(100, left));
      await settle(3);
    }
  }

  /** Long enough for every check and retry. */
  async rest(): Promise<void> {
    await this.pass(35_000);
  }

  /** Sequences in the log. */
  get log(): number[] {
    const seqs: number[] = [];
    for (let at = this.follower.log.messages.base; ;) {
      const slice = this.follower.log.messages.read(at);
      if (slice.count === 0) return seqs;
      const frame = bareFrame(batchFrame('r', slice.pieces));
      const { batch } = liveService.Connect.responseDeserialize(frame);
      seqs.push(...(batch?.reliable ?? []).map(({ seq }) => Number(seq)));
      at = slice.upto;
    }
  }

  /** What the stream holds of the room behind the log's base. */
  get expected(): number[] {
    return this.stream.heldOf('r').filter((seq) => seq > this.follower.log.messages.base);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.follower.close();
    this.#feed?.close();
    assert.equal(this.clock.pending, 0, 'timers left behind');
    assert.equal(this.stream.feeds, 0, 'feeds left behind');
    return Promise.resolve();
  }
}

async function opened(prepare: (rig: Rig) => void = () => undefined): Promise<Rig> {
  const rig = new Rig();
  prepare(rig);
  await rig.open();
  return rig;
}

describe('Reliable: follower', () => {
  describe('opening', () => {
    it('begins at the head', async () => {
      await using rig = await opened((r) => r.publish('a', 'b'));
      assert.equal(rig.follower.log.head, 2);
      assert.deepEqual(rig.log, []);
      rig.publish('c');
      assert.deepEqual(rig.log, [3]);
      assert.equal(rig.told.repairing, 0);
    });

    it('loses nothing that is stored between the subscription and the answer', async () => {
      await using rig = new Rig();
      rig.publish('a');
      rig.stream.asked = (question) => {
        if (question === 'end') rig.publish('b');
      };
      const opening = rig.open();
      await settle();
      rig.stream.asked = () => undefined;
      await opening;
      rig.publish('c', 'd');
      assert.deepEqual(rig.log, [3, 4]);
      assert.equal(rig.follower.log.messages.base, 2);
    });

    it('applies what came before the answer and is behind it', async () => {
      await using rig = new Rig();
      rig.publish('a');
      rig.stream.freezeLeader();
      rig.stream.withholdAnswers();
      const opening = rig.open();
      rig.stream.answer();
      await settle();
      rig.publish('b', 'c');
      rig.stream.answerAll();
      await opening;
      rig.stream.thawLeader();
      assert.deepEqual(rig.log, [2, 3]);
    });

    it('repairs at once what the feed has lost before the answer', async () => {
      await using rig = new Rig();
      rig.publish('a');
      rig.stream.freezeLeader();
      rig.stream.withholdAnswers();
      const opening = rig.open();
      rig.stream.answer();
      await settle();
      rig.stream.feed = 'held';
      rig.publish('lost', 'seen');
      rig.stream.lose();
      rig.stream.deliverAll();
      rig.stream.answer();
      await opening;
      rig.stream.thawLeader();
      rig.stream.answerAll();
      await settle();
      assert.deepEqual(rig.log, [2, 3]);
    });

    it('does not take a message of a new stream for a repeat of one of the old stream', async () => {
      await using rig = new Rig();
      rig.publish('a');
      rig.stream.freezeLeader();
      rig.stream.withholdAnswers();
      const opening = rig.open();
      rig.stream.answer();
      await settle();
      rig.stream.recreate();
      rig.publish('b', 'c');
      rig.stream.answer();
      await opening;
      rig.stream.thawLeader();
      rig.stream.answerAll();
      await settle();
      assert.equal(rig.follower.log.incarnation.epoch, rig.stream.epoch);
      assert.equal(rig.follower.log.head, 2);
    });

    it('fails when NATS is away, and leaves nothing behind', async () => {
      await using rig = new Rig();
      rig.stream.leader = 'away';
      await assert.rejects(rig.open());
    });

    it('leaves nothing behind when it is closed meanwhile', async () => {
      for (const answers of [0, 1]) {
        await using rig = new Rig();
        rig.stream.withholdAnswers();
        const opening = rig.open();
        for (let given = 0; given < answers; given++) rig.stream.answer();
        await settle();
        rig.follower.close();
        rig.stream.answerAll();
        await opening;
      }
    });
  });

  describe('a feed that cannot be trusted', () => {
    it('a loss shows in the next message and is repaired at once', async () => {
      await using rig = await opened((r) => r.publish('a'));
      rig.stream.feed = 'held';
      rig.publish('b', 'c', 'd');
      rig.stream.lose(0);
      rig.stream.lose(0);
      rig.stream.deliverAll();
      await settle();
      assert.deepEqual(rig.log, [2, 3, 4]);
      assert.equal(rig.told.repairing, 1);
    });

    it('a lost last message is found by the check of a silent room', async () => {
      await using rig = await opened((r) => r.publish('a'));
      rig.stream.feed = 'held';
      rig.publish('b');
      rig.stream.loseAll();
      await rig.pass(2_000);
      assert.deepEqual(rig.log, [2]);
    });

    it('a lost last message of a room that was busy is found within two seconds', async () => {
      await using rig = await opened((r) => r.publish('a'));
      await rig.pass(500);
      rig.publish('b');
      rig.stream.feed = 'held';
      rig.publish('c');
      rig.stream.loseAll();
      await rig.pass(2_000);
      assert.deepEqual(rig.log, [2, 3]);
    });

    it('a lost last message of a room that has woken up is found within two seconds', async () => {
      await using rig = await opened((r) => r.publish('a'));
      await rig.pass(100_000);
      rig.publish('b');
      rig.stream.feed = 'held';
      rig.publish('c');
      rig.stream.loseAll();
      await rig.pass(2_000);
      assert.deepEqual(rig.log, [2, 3]);
    });

    it('checks of a silent room become rare', async () => {
      await using rig = await opened((r) => r.publish('a'));
      await rig.pass(60_000);
      rig.stream.questions.end = 0;
      await rig.pass(120_000);
      assert.equal(rig.stream.questions.end, 4);
    });

    it('an empty room is not repaired when nothing has happened', async () => {
      await using rig = await opened();
      await rig.pass(60_000);
      assert.equal(rig.told.repairing, 0);
      assert.equal(rig.stream.questions.history, 0);
    });

    it('repeats and latecomers change nothing', async () => {
      await using rig = await opened((r) => r.publish('a'));
      rig.stream.feed = 'held';
      rig.publish('b', 'c', 'd');
      rig.stream.deliver(0, true);
      rig.stream.deliver(1);
      await settle();
      rig.stream.deliver(0, true);
      await settle();
      assert.deepEqual(rig.log, [2, 3, 4]);
    });

    it('a message that the stream does not have is not believed', async () => {
      await using rig = await opened((r) => r.publish('a'));
      const stranger = new StreamModel();
      for (let n = 0; n < 9; n++) stranger.publish('r', 'x');
      const message: FeedMessage = { message: stranger.stored[8]!, prevSeq: 8 };
      rig.stream.inject('r', message);
      await settle();
      rig.publish('b');
      await settle();
      assert.deepEqual(rig.log, [2]);
    });

    it('property: whatever is lost, repeated or reordered, the log ends up whole', async () => {
      const fate = fc.constantFrom('deliver', 'lose', 'repeat', 'last first', 'publish', 'elsewhere', 'wait');
      await fc.assert(
        fc.asyncProperty(fc.array(fate, { maxLength: 40 }), async (fates) => {
          await using rig = await opened((r) => r.publish('a'));
          rig.stream.feed = 'held';
          for (const step of fates) {
            if (step === 'publish') rig.publish('m');
            else if (step === 'elsewhere') rig.stream.publish('other', 'm');
            else if (step === 'deliver') rig.stream.deliver();
            else if (step === 'repeat') rig.stream.deliver(0, true);
            else if (step === 'last first') rig.stream.deliver(Math.max(0, rig.stream.onTheWay.length - 1));
            else if (step === 'lose') rig.stream.lose();
            else await settle();
            const log = rig.log;
            assert.deepEqual(log, rig.expected.slice(0, log.length), 'the log has a hole');
          }
          rig.stream.loseAll();
          await rig.rest();
          assert.deepEqual(rig.log, rig.expected);
          assert.equal(rig.told.replaced, 0);
        }),
        runs(40),
      );
    });
  });

  describe('a repair', () => {
    it('is one at a time, however much the feed loses', async () => {
      await using rig = await opened((r) => r.publish('a'));
      rig.stream.feed = 'held';
      rig.stream.withholdAnswers();
      for (let n = 0; n < 10; n++) {
        rig.publish('lost', 'seen');
        rig.stream.lose();
        rig.stream.deliver();
      }
      await settle();
      assert.equal(rig.stream.questions.end, 2);
      rig.stream.answerAll();
      await settle();
      assert.deepEqual(rig.log, rig.expected);
      assert.equal(rig.told.repairing, 1);
    });

    it('asks again when more came meanwhile than it could set aside', async () => {
      await using rig = await opened((r) => r.publish('a'));
      rig.stream.feed = 'held';
      rig.publish('lost', 'seen');
      rig.stream.lose();
      rig.stream.freezeLeader();
      rig.stream.withholdAnswers();
      rig.stream.deliverAll();
      const big = 'x'.repeat(3 * 1024 * 1024);
      rig.publish(big, big, 'small');
      rig.stream.deliverAll();
      rig.stream.answer();
      await settle();
      rig.stream.thawLeader();
      rig.stream.answerAll();
      await settle();
      assert.deepEqual(rig.log, [2, 3, 4, 5, 6]);
    });

    it('is made again until NATS answers', async () => {
      await using rig = await opened((r) => r.publish('a'));
      rig.stream.leader = 'away';
      rig.stream.feed = 'held';
      rig.publish('lost', 'seen');
      rig.stream.lose();
      rig.stream.deliverAll();
      await rig.pass(10_000);
      assert.deepEqual(rig.log, []);
      rig.stream.leader = 'present';
      await rig.pass(2_000);
      assert.deepEqual(rig.log, [2, 3]);
    });

    it('ends when the timeline is closed', async () => {
      await using rig = await opened((r) => r.publish('a'));
      rig.stream.leader = 'away';
      const checked = rig.follower.check();
      rig.stream.inject('r', { message: { ...rig.stream.stored[0]!, seq: 9 }, prevSeq: 7 });
      await settle();
      rig.follower.close();
      await checked;
    });

    it('a check during a repair asks once more: the repair may have asked too early', async () => {
      await using rig = await opened((r) => r.publish('a'));
      rig.stream.pageSize = 2;
      rig.stream.feed = 'held';
      rig.publish('lost', 'seen');
      rig.stream.lose();
      rig.stream.withholdAnswers();
      rig.stream.deliverAll();
      // The repair learns that the stream ends at 3, and is still reading when 4 is stored.
      rig.stream.answer();
      await settle();
      rig.publish('new');
      rig.stream.loseAll();
      const checked = rig.follower.check();
      for (let answers = 0; answers < 3; answers++) {
        rig.stream.answer();
        await settle();
      }
      rig.stream.answerAll();
      await checked;
      assert.equal(rig.follower.log.watermark, 4);
    });
  });

  describe('a check', () => {
    it('takes the answer into account though the feed has gone on meanwhile', async () => {
      await using rig = await opened((r) => r.publish('a'));
      rig.stream.feed = 'held';
      rig.publish('b', 'c', 'd');
      const checked = rig.follower.check();
      // The leader has said 4; the feed has come to 2.
      rig.stream.deliver();
      await checked;
      assert.equal(rig.follower.log.watermark, 4);
    });

    it('proves the end of the stream for a room that was silent', async () => {
      await using rig = await opened((r) => r.publish('a'));
      rig.stream.publish('other', 'x');
      await rig.follower.check();
      assert.equal(rig.follower.log.watermark, 2);
      assert.deepEqual(rig.follower.log.resumeCursor, { ...rig.follower.log.resumeCursor, seq: 1 });
    });

    it('of a silent room needs only what is behind its last message, unless somebody doubts that it is held', async () => {
      await using rig = await opened();
      const asked: (number | undefined)[] = [];
      const roomEnd = rig.stream.roomEnd.bind(rig.stream);
      rig.stream.roomEnd = (room, known?: LastMessage) => {
        asked.push(known?.seq);
        return roomEnd(room);
      };
      await rig.pass(2_000);
      assert.deepEqual(asked, [undefined], 'nothing is known to be held');
      rig.publish('a', 'b');
      // Nobody can know what the first follows: it is read from the stream.
      await rig.pass(500);
      asked.length = 0;
      await rig.pass(5_000);
      assert.ok(asked.length > 1);
      assert.deepEqual(new Set(asked.splice(0)), new Set([2]));
      await rig.follower.check();
      assert.deepEqual(asked, [undefined]);
      await rig.pass(60_000);
      assert.deepEqual(new Set(asked.slice(1)), new Set([2]));
    });

    it('many at once ask twice at most', async () => {
      await using rig = await opened((r) => r.publish('a'));
      rig.stream.questions.end = 0;
      await Promise.all(Array.from({ length: 50 }, () => rig.follower.check()));
      assert.equal(rig.stream.questions.end, 2);
    });
  });

  describe('retention', () => {
    it('expiry of a silent room, and then a new message: no gap', async () => {
      await using rig = await opened((r) => r.publish('a', 'b'));
      const { base } = rig.follower.log.messages;
      rig.stream.publish('other', 'x');
      await rig.rest();
      rig.stream.evictAll();
      await rig.rest();
      assert.equal(rig.follower.log.resumeCursor.seq, 3);
      assert.equal(rig.follower.log.resumeCursor.fingerprint, 0);
      rig.publish('c');
      await settle();
      assert.deepEqual(rig.log, [4]);
      assert.equal(
        rig.follower.log.messages.base,
        base,
        'the log reaches back as before: nothing was missed',
      );
    });

    it('what was lost and has expired is a hole that the log does not span', async () => {
      await using rig = await opened((r) => r.publish('a'));
      rig.publish('b');
      rig.stream.feed = 'held';
      rig.publish('lost', 'seen');
      rig.stream.lose();
      rig.stream.evictBefore(4);
      rig.stream.deliverAll();
      await settle();
      assert.equal(rig.follower.log.messages.base, 3);
      assert.deepEqual(rig.log, [4]);
    });

    /** Ways in which an operator removes what the room ends with; `others` may have gone on meanwhile. */
    const removals: [name: string, remove: (stream: StreamModel) => void][] = [
      ['the newest is deleted', (stream) => stream.remove(4)],
      ['the room is purged', (stream) => stream.purge('r')],
      ['the room is purged but for its first', (stream) => [3, 4].forEach((seq) => stream.remove(seq))],
    ];
    for (const [name, remove] of removals) {
      for (const others of [0, 3]) {
        const rooms = others === 0 ? 'nothing else' : 'other rooms';
        describe(`${name}, and ${rooms} went on`, () => {
          async function removed(): Promise<Rig> {
            const rig = await opened((r) => {
              r.stream.publish('other', 'x');
              r.publish('a', 'b');
            });
            rig.publish('c');
            remove(rig.stream);
            for (let n = 0; n < others; n++) rig.stream.publish('other', 'x');
            return rig;
          }

          it('a check finds that the room has everything', async () => {
            await using rig = await removed();
            const { base } = rig.follower.log.messages;
            await rig.rest();
            assert.equal(
              rig.follower.log.messages.base,
              base,
              'the log reaches back as before: nothing was missed',
            );
            assert.deepEqual(rig.follower.log.resumeCursor, {
              ...rig.follower.log.resumeCursor,
              seq: 4 + others,
              fingerprint: 0,
            });
            const { repairing } = rig.told;
            await rig.rest();
            assert.equal(rig.told.repairing, repairing, 'it is checked once');
          });

          it('and so does the next message, noticed before', async () => {
            await using rig = await removed();
            const { base } = rig.follower.log.messages;
            await rig.rest();
            rig.publish('d');
            await settle();
            assert.deepEqual(rig.log, [4, 5 + others]);
            rig.publish('e');
            assert.deepEqual(rig.log, [4, 5 + others, 6 + others]);
            assert.equal(rig.follower.log.messages.base, base);
            assert.equal(rig.told.replaced, 0);
          });

          it('and so does the next message, unnoticed before', async () => {
            await using rig = await removed();
            const { base } = rig.follower.log.messages;
            rig.publish('d');
            await settle();
            assert.deepEqual(rig.log, [4, 5 + others]);
            assert.equal(rig.follower.log.messages.base, base);
          });

          it('what came unseen and was removed, too, is a hole that the log does not span', async () => {
            await using rig = await removed();
            rig.stream.feed = 'held';
            rig.publish('unseen');
            rig.stream.loseAll();
            rig.stream.remove(5 + others);
            rig.stream.feed = 'delivered';
            rig.publish('d');
            await settle();
            assert.equal(rig.follower.log.messages.base, 5 + others);
            assert.deepEqual(rig.log, [6 + others]);
          });
        });
      }
    }

    it('a purge of the whole stream leaves no hole when the room was proven up to its end', async () => {
      await using rig = await opened((r) => r.publish('a', 'b'));
      rig.publish('c');
      const { base } = rig.follower.log.messages;
      rig.stream.evictAll();
      await rig.rest();
      rig.publish('d');
      await settle();
      assert.deepEqual(rig.log, [3, 4]);
      assert.equal(rig.follower.log.messages.base, base);
    });

    it("a deleted message and another room's in its place are two things: another history", async () => {
      await using rig = await opened((r) => r.publish('a'));
      rig.publish('b');
      rig.stream.rewindTo(1);
      rig.stream.publish('other', 'x');
      await rig.rest();
      assert.equal(rig.told.replaced, 1);
    });
  });

  describe('another history', () => {
    it('a stream that was edited and restarted has another time of creation and the same history', async () => {
      await using rig = new Rig();
      rig.publish('a', 'b');
      await rig.open();
      const { number } = rig.follower.log.incarnation;
      rig.stream.rename();
      await rig.follower.check();
      assert.equal(rig.follower.log.incarnation.epoch, rig.stream.epoch);
      assert.equal(rig.follower.log.incarnation.number, number);
      rig.publish('c');
      assert.equal(rig.follower.log.head, 3);
    });

    it('the same in a room of which nothing is held, when the stream is known to be the same', async () => {
      await using rig = await opened((r) => {
        r.stream.publish('other', 'x');
        r.publish('a', 'b');
      });
      rig.stream.purge('r');
      await rig.rest();
      const { number, epoch } = rig.follower.log.incarnation;
      rig.stream.rename(true);
      await rig.rest();
      assert.deepEqual(rig.follower.log.incarnation, {
        number,
        epoch: rig.stream.epoch,
        formerly: [epoch],
        start: 0,
      });
      rig.publish('c');
      await settle();
      assert.deepEqual(rig.log, [4]);
      assert.equal(rig.follower.log.incarnation.number, number);
    });

    it('re-creation shows in the first message', async () => {
      await using rig = await opened((r) => r.publish('a', 'b', 'c'));
      const { number } = rig.follower.log.incarnation;
      rig.stream.recreate();
      rig.publish('d');
      await settle();
      assert.equal(rig.follower.log.incarnation.number, number + 1);
      assert.equal(rig.follower.log.incarnation.epoch, rig.stream.epoch);
      assert.equal(rig.told.replaced, 1);
      assert.equal(rig.follower.log.head, 1);
      rig.publish('e');
      assert.deepEqual(rig.log, [2]);
    });

    it('re-creation in the midst of a repair', async () => {
      for (const question of ['end', 'history'] as const) {
        await using rig = await opened((r) => r.publish('a', 'b', 'c'));
        rig.stream.asked = (asked) => {
          if (asked !== question) return;
          rig.stream.asked = () => undefined;
          rig.stream.recreate();
          for (let n = 0; n < 7; n++) rig.stream.publish('r', 'new');
        };
        rig.stream.feed = 'held';
        rig.publish('lost', 'seen');
        rig.stream.lose();
        rig.stream.deliverAll();
        await rig.pass(1_000);
        rig.stream.loseAll();
        await rig.rest();
        assert.equal(rig.follower.log.incarnation.epoch, rig.stream.epoch);
        assert.equal(rig.follower.log.head, 7);
        rig.stream.feed = 'delivered';
        rig.publish('next');
        assert.deepEqual(rig.log.at(-1), 8);
      }
    });

    it('what was set aside of the stream before a re-creation is not taken for the new one’s', async () => {
      await using rig = await opened((r) => r.publish('a'));
      rig.stream.withholdAnswers();
      rig.stream.feed = 'held';
      rig.publish('b', 'c');
      rig.stream.lose();
      rig.stream.deliverAll();
      rig.stream.recreate();
      // The message set aside names the second one as its predecessor; now that is this one.
      rig.publish('A', 'B');
      rig.stream.loseAll();
      rig.stream.answerAll();
      await settle();
      assert.equal(rig.follower.log.incarnation.epoch, rig.stream.epoch);
      assert.equal(rig.follower.log.head, 2);
      assert.deepEqual(rig.log, []);
    });

    it('a stream restored from a snapshot: goes on behind the place where the feed parted', async () => {
      await using rig = await opened((r) => r.publish('a'));
      rig.publish('b', 'c', 'd');
      rig.stream.rewindTo(2);
      rig.publish('C', 'D', 'E');
      await rig.rest();
      assert.equal(rig.told.replaced, 1);
      assert.deepEqual(rig.log, [3, 4, 5]);
    });

    it('a message where none was is of another history, whatever it names as its predecessor', async () => {
      await using rig = await opened((r) => r.publish('a'));
      for (let n = 0; n < 4; n++) rig.stream.publish('other', 'x');
      await rig.pass(2_000);
      assert.equal(rig.follower.log.watermark, 5);
      rig.stream.rewindTo(1);
      rig.stream.publish('other', 'X');
      rig.publish('B');
      await rig.rest();
      assert.equal(rig.follower.log.incarnation.start, 2);
      assert.deepEqual(rig.log, [3]);
    });

    it('a message where none was is of another history, though retention has overtaken the last one', async () => {
      await using rig = await opened((r) => r.publish('a'));
      for (let n = 0; n < 4; n++) rig.stream.publish('other', 'x');
      await rig.pass(2_000);
      rig.stream.rewindTo(0);
      rig.stream.feed = 'held';
      for (const room of ['other', 'r', 'other', 'r', 'other', 'other']) rig.stream.publish(room, 'X');
      rig.stream.loseAll();
      rig.stream.evictBefore(3);
      await rig.rest();
      assert.equal(rig.told.replaced, 1);
    });

    it('a message at the place up to which there was none is of another history', async () => {
      await using rig = await opened(() => undefined);
      for (let n = 0; n < 5; n++) rig.stream.publish('other', 'x');
      await rig.pass(2_000);
      assert.equal(rig.follower.log.watermark, 5);
      rig.stream.rewindTo(4);
      rig.publish('first');
      await rig.rest();
      assert.equal(rig.follower.log.incarnation.start, 4);
      assert.deepEqual(rig.log, [5]);
    });

    for (const feed of ['delivered', 'held'] as const) {
      it(`a message below the place up to which there was none is of another history; the feed's word for it is ${feed}`, async () => {
        await using rig = await opened(() => undefined);
        for (let n = 0; n < 5; n++) rig.stream.publish('other', 'x');
        await rig.pass(2_000);
        assert.equal(rig.follower.log.watermark, 5);
        rig.stream.rewindTo(3);
        rig.stream.feed = feed;
        rig.publish('first');
        rig.stream.publish('other', 'X');
        rig.stream.loseAll();
        await rig.rest();
        assert.equal(rig.told.replaced, 1, 'viewers are told');
        rig.stream.feed = 'delivered';
        rig.publish('second');
        await rig.rest();
        assert.deepEqual(rig.log, feed === 'delivered' ? [4, 6] : [6]);
        assert.equal(rig.told.replaced, 1, 'once');
      });
    }

    it('a stream restored without a word on the feed: nothing behind the old head is skipped', async () => {
      await using rig = await opened((r) => r.publish('a'));
      rig.publish('b', 'c', 'd');
      rig.stream.rewindTo(2);
      rig.stream.feed = 'held';
      rig.publish('C', 'D', 'E', 'F');
      rig.stream.loseAll();
      await rig.rest();
      assert.equal(rig.told.replaced, 1);
      assert.deepEqual(rig.log, [5, 6]);
    });

    it('a shorter stream than before is believed only when it stays so', async () => {
      await using rig = await opened((r) => r.publish('a', 'b'));
      rig.stream.freezeLeader();
      rig.publish('c', 'd');
      const checked = rig.follower.check();
      await rig.pass(1_000);
      rig.stream.thawLeader();
      await rig.pass(2_000);
      await checked;
      assert.equal(rig.told.replaced, 0, 'a false reset');
      assert.deepEqual(rig.log, [3, 4]);
      rig.publish('e');
      assert.deepEqual(rig.log, [3, 4, 5]);
    });

    it('another message in the place of ours is believed only when it stays so', async () => {
      await using rig = await opened((r) => r.publish('a', 'b'));
      // A leader that has not caught up says that the room's newest is 1 while 2 is already there for all rooms.
      const readHistory = rig.stream.readHistory.bind(rig.stream);
      const roomEnd = rig.stream.roomEnd.bind(rig.stream);
      let lagging = 2;
      rig.stream.roomEnd = async (room) => {
        const end = await roomEnd(room);
        return lagging > 0 ? { ...end, last: lastOf(rig.stream.stored[0]!) } : end;
      };
      rig.stream.readHistory = async (room, from) => {
        const read = await readHistory(room, from);
        return lagging-- > 0 ? { ...read, messages: [], fromHeldElsewhere: true } : read;
      };
      const checked = rig.follower.check();
      await rig.pass(2_000);
      await checked;
      assert.equal(rig.told.replaced, 0, 'a false reset');
    });
  });
});
