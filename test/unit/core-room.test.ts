import assert from 'node:assert/strict';
import { liveService } from '../../protos/live.ts';
import type { CompressibleFrame } from '../../server/log/compressible-frame.ts';
import { bareFrame } from '../../server/log/frame-prefix.ts';
import type { Told } from '../helpers/core-gateway.ts';
import { CoreGateway, ModelClient } from '../helpers/core-gateway.ts';
import { settle } from '../helpers/settle.ts';
import { StreamModel } from '../helpers/stream-model.ts';

/** Memory that makes a gateway forget every message at the next trim. */
const FORGETFUL = { roomLogBytes: 0 };
const TRIM_MS = 200;

/** A stream, a gateway in front of it, and a viewer. */
class Rig implements AsyncDisposable {
  readonly stream = new StreamModel();
  readonly gateway: CoreGateway;
  readonly viewer: ModelClient;
  readonly #others: CoreGateway[] = [];

  constructor(limits: ConstructorParameters<typeof CoreGateway>[2] = {}) {
    this.gateway = new CoreGateway(this.stream, undefined, limits);
    this.viewer = new ModelClient(this.gateway);
  }

  /** Another gateway on the same stream and clock. */
  another(): CoreGateway {
    const gateway = new CoreGateway(this.stream, this.gateway.clock);
    this.#others.push(gateway);
    return gateway;
  }

  publish(count: number, room = 'r'): void {
    for (let n = 0; n < count; n++) this.stream.publish(room, `m${n}`);
  }

  /** What the viewer was told since this was last asked. */
  async told(): Promise<Told[]> {
    await settle();
    return this.viewer.told.splice(0);
  }

  async rest(): Promise<void> {
    await this.gateway.pass(35_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    assert.deepEqual(this.viewer.discontinuities, []);
    this.viewer.disconnect();
    for (const gateway of [this.gateway, ...this.#others]) gateway.close();
    await settle();
    assert.equal(this.gateway.clock.pending, 0, 'timers left behind');
    assert.equal(this.stream.feeds, 0, 'feeds left behind');
  }
}

const messages = (from: number, to: number): Told[] =>
  Array.from({ length: to - from + 1 }, (_, index): Told => `message ${from + index}`);

describe('Ordered, Unique, Reliable: room', () => {
  describe('a viewer', () => {
    it('that starts live gets what comes', async () => {
      await using rig = new Rig();
      rig.publish(3);
      await rig.viewer.join('r');
      rig.publish(2);
      assert.deepEqual(await rig.told(), ['joined 3 STARTED', 'message 4', 'message 5', 'caught-up 5']);
      rig.publish(1);
      assert.deepEqual(await rig.told(), ['message 6']);
    });

    it('that starts earliest gets what is held, page by page, and goes on live', async () => {
      await using rig = new Rig();
      rig.publish(10);
      rig.stream.evictBefore(3);
      await rig.viewer.join('r', { kind: 'earliest' });
      assert.deepEqual(await rig.told(), ['joined 2 STARTED', ...messages(3, 10), 'caught-up 10']);
    });

    it('that starts with the last few gets them from memory, or from the stream', async () => {
      await using rig = new Rig();
      rig.publish(5);
      await rig.viewer.join('r', { kind: 'last', count: 2 });
      assert.deepEqual(await rig.told(), ['joined 3 STARTED', ...messages(4, 5), 'caught-up 5']);
      rig.publish(3);
      await settle();
      const second = new ModelClient(rig.gateway, 'second');
      await second.join('r', { kind: 'last', count: 2 });
      await settle();
      assert.deepEqual(second.told, ['joined 6 STARTED', ...messages(7, 8), 'caught-up 8']);
      assert.equal(rig.stream.questions.locate, 1);
      second.disconnect();
    });

    it('that leaves while its start is looked up hears no more', async () => {
      await using rig = new Rig();
      rig.publish(5);
      await rig.viewer.join('r');
      await rig.told();
      rig.stream.withholdAnswers();
      const second = new ModelClient(rig.gateway, 'second');
      const joining = second.join('r', { kind: 'earliest' });
      await settle();
      second.disconnect();
      rig.stream.answerAll();
      await joining;
      await settle();
      assert.deepEqual(second.told, []);
      assert.equal((await rig.gateway.hub.acquire('r')).viewerCount, 1);
    });

    it('is not added when its start cannot be looked up', async () => {
      await using rig = new Rig();
      rig.publish(5);
      await rig.viewer.join('r');
      rig.stream.leader = 'away';
      const second = new ModelClient(rig.gateway, 'second');
      await second.join('r', { kind: 'earliest' });
      await settle();
      assert.deepEqual(second.told, ['failed UpstreamError']);
      assert.equal((await rig.gateway.hub.acquire('r')).viewerCount, 1);
      second.disconnect();
    });

    it('that stands further than the room has come is not set back by what it is told', async () => {
      await using rig = new Rig();
      rig.publish(2);
      rig.publish(5, 'other');
      await rig.viewer.join('r', { kind: 'seq', seq: 100 });
      assert.deepEqual(await rig.told(), ['joined 7 STARTED', 'caught-up 7']);
      rig.publish(1);
      assert.deepEqual(await rig.told(), ['message 8']);
    });

    it('gets at once what the feed has lost if somebody else’s page of history holds it', async () => {
      await using rig = new Rig();
      rig.publish(3);
      await rig.viewer.join('r');
      await rig.told();
      rig.stream.feed = 'held';
      rig.publish(1);
      rig.stream.loseAll();
      const second = new ModelClient(rig.gateway, 'second');
      rig.stream.pageSize = 10;
      await second.join('r', { kind: 'earliest' });
      assert.deepEqual(await rig.told(), ['message 4']);
      assert.deepEqual(second.told, ['joined 0 STARTED', ...messages(1, 4), 'caught-up 4']);
      second.disconnect();
    });

    it('is told no cursor that names a message it has not had', async () => {
      await using rig = new Rig();
      rig.publish(5);
      await rig.viewer.join('r');
      await rig.told();
      rig.stream.delete(5);
      const second = new ModelClient(rig.gateway, 'second');
      await second.join('r', { kind: 'seq', seq: 3 });
      await settle();
      assert.deepEqual(second.told, ['joined 2 STARTED', ...messages(3, 4), 'caught-up 5']);
      assert.deepEqual(second.positions.get('r'), { epoch: rig.stream.epoch, seq: 5, fingerprint: 0 });
      second.disconnect();
    });

    it('gets a cursor that names the newest message when that has been looked at, if it was too large before', async () => {
      await using rig = new Rig();
      rig.stream.endsUnseen = true;
      rig.publish(2);
      rig.stream.withholdAnswers();
      const joined = rig.viewer.join('r');
      for (let n = 0; n < 2; n++) {
        await settle();
        rig.stream.answer();
      }
      await joined;
      assert.deepEqual(await rig.told(), ['joined 2 STARTED', 'caught-up 2']);
      assert.equal(rig.viewer.positions.get('r')?.fingerprint, 0);
      rig.stream.answerAll();
      assert.deepEqual(await rig.told(), ['caught-up 2']);
      assert.equal(rig.viewer.positions.get('r')?.fingerprint, rig.stream.stored[1]?.fingerprint);
      await rig.rest();
      assert.equal(rig.stream.questions.history, 1);
    });

    it('does not wait for a newest message that is too large to be looked at, and is told when another is in its place', async () => {
      await using rig = new Rig();
      rig.stream.endsUnseen = true;
      rig.publish(2);
      rig.stream.asked = (question) => {
        if (question === 'history') throw new Error('not now');
      };
      await rig.viewer.join('r');
      assert.deepEqual(await rig.told(), ['joined 2 STARTED', 'caught-up 2']);
      rig.stream.asked = () => undefined;
      rig.stream.rewindTo(1);
      rig.stream.publish('r', 'another');
      await rig.gateway.pass(40_000);
      const told = await rig.told();
      assert.ok(told.includes('reset REWOUND 1'), told.join());
    });

    it('is woken for a new bookmark though its transport was busy when the room got it', async () => {
      await using rig = new Rig();
      rig.publish(2);
      await rig.viewer.join('r');
      await rig.told();
      rig.viewer.block();
      rig.stream.ephemeral('r', 'x');
      rig.stream.ephemeral('r', 'y');
      await settle();
      rig.publish(3, 'other');
      rig.stream.evictAll();
      await rig.rest();
      rig.viewer.unblock();
      await settle();
      assert.equal(rig.viewer.positions.get('r')?.seq, 5, 'its cursor would be judged evicted elsewhere');
    });
  });

  describe('a resume', () => {
    it('from memory, from the stream, and from a cursor that another room follows', async () => {
      await using rig = new Rig();
      rig.publish(3);
      await rig.viewer.join('r');
      rig.publish(2);
      await rig.told();
      rig.viewer.reconnect();
      rig.publish(2);
      await rig.viewer.join('r');
      assert.deepEqual(await rig.told(), ['joined 5 RESUMED', ...messages(6, 7), 'caught-up 7']);
      rig.viewer.reconnect(rig.another());
      rig.publish(2);
      rig.publish(1, 'other');
      await rig.viewer.join('r');
      assert.deepEqual(await rig.told(), ['joined 7 RESUMED', ...messages(8, 9), 'caught-up 9']);
    });

    it('is answered from memory while NATS is away', async () => {
      await using rig = new Rig();
      await rig.viewer.join('r');
      rig.publish(2);
      await rig.told();
      rig.viewer.reconnect();
      rig.publish(1);
      rig.stream.leader = 'away';
      await rig.viewer.join('r');
      assert.deepEqual(await rig.told(), ['joined 2 RESUMED', 'message 3', 'caught-up 3']);
      rig.stream.leader = 'present';
    });

    it('behind an eviction is told the gap first', async () => {
      await using rig = new Rig();
      await rig.viewer.join('r');
      rig.publish(2);
      await rig.told();
      rig.viewer.reconnect(rig.another());
      rig.publish(6);
      rig.stream.evictBefore(6);
      await rig.viewer.join('r');
      assert.deepEqual(await rig.told(), ['joined 2 GAP', 'gap 2..6', ...messages(6, 8), 'caught-up 8']);
    });

    it('behind a message that was deleted alone is told no gap where nothing can be missing', async () => {
      await using rig = new Rig();
      rig.publish(1, 'other');
      await rig.viewer.join('r');
      rig.publish(1);
      await rig.told();
      rig.viewer.reconnect(rig.another());
      rig.publish(1);
      rig.stream.purge('r', 3);
      await rig.viewer.join('r');
      assert.deepEqual(await rig.told(), ['joined 2 RESUMED', 'message 3', 'caught-up 3']);
    });

    it('a fresh gateway whose leader lags does not take the cursor for one of a lost history', async () => {
      await using rig = new Rig();
      await rig.viewer.join('r');
      rig.publish(2);
      rig.stream.freezeLeader();
      rig.publish(2);
      await rig.told();
      rig.viewer.reconnect(rig.another());
      await rig.viewer.join('r');
      await rig.gateway.pass(500);
      rig.stream.thawLeader();
      await rig.gateway.pass(2_000);
      assert.deepEqual(await rig.told(), ['joined 4 RESUMED', 'caught-up 4']);
    });

    it('a gateway whose feed is behind does not take the cursor for one of a lost history', async () => {
      await using rig = new Rig();
      const other = rig.another();
      const resident = new ModelClient(other, 'resident');
      await resident.join('r');
      await rig.viewer.join('r');
      rig.publish(4);
      await rig.told();
      // The other gateway's feed has stopped at 4; the viewer has got to 7.
      rig.stream.feed = 'held';
      rig.publish(3);
      rig.viewer.reconnect();
      await rig.gateway.pass(3_000);
      rig.viewer.positions.set('r', rig.stream.positionOf(7));
      rig.viewer.reconnect(other);
      await rig.viewer.join('r');
      rig.stream.deliver();
      assert.deepEqual(await rig.told(), ['joined 7 RESUMED', 'caught-up 7']);
      resident.disconnect();
    });

    it('a cursor beyond the end, once that is certain, is told so', async () => {
      await using rig = new Rig();
      rig.publish(3);
      rig.viewer.positions.set('r', { epoch: rig.stream.epoch, seq: 9, fingerprint: 77 });
      await rig.viewer.join('r');
      await rig.gateway.pass(5_000);
      assert.deepEqual(await rig.told(), ['joined 9 RESET', 'reset REWOUND 3', 'caught-up 3']);
    });

    it('a cursor that contradicts memory is judged once the leader has been asked', async () => {
      await using rig = new Rig();
      await rig.viewer.join('r');
      rig.publish(3);
      await rig.told();
      // The stream was rewound, which this gateway has not noticed, and the viewer comes from one that has.
      rig.stream.feed = 'held';
      rig.stream.rewindTo(1);
      rig.publish(3);
      rig.stream.loseAll();
      rig.viewer.reconnect();
      rig.viewer.positions.set('r', rig.stream.positionOf(2));
      await rig.viewer.join('r');
      await rig.gateway.pass(3_000);
      const told = await rig.told();
      assert.deepEqual(told, ['joined 2 RESUMED', ...messages(3, 4), 'caught-up 4']);
    });
  });

  describe('another history', () => {
    it('re-created: everything that the new stream holds, not what was in memory', async () => {
      await using rig = new Rig(FORGETFUL);
      rig.publish(6);
      await rig.viewer.join('r', { kind: 'earliest' });
      await rig.told();
      rig.stream.recreate();
      rig.publish(2);
      assert.deepEqual(await rig.told(), ['reset RECREATED 0', ...messages(1, 2), 'caught-up 2']);
    });

    it('re-created: told also to a viewer that is behind and has no credit', async () => {
      await using rig = new Rig();
      await rig.viewer.join('r', { kind: 'live' }, { creditBytes: 0 });
      await rig.told();
      rig.publish(2);
      assert.deepEqual(await rig.told(), []);
      rig.stream.recreate();
      rig.publish(1);
      assert.deepEqual(await rig.told(), ['reset RECREATED 0']);
      rig.viewer.subscriptionTo('r')?.grant(1_000);
      assert.deepEqual(await rig.told(), [...messages(1, 1), 'caught-up 1']);
    });

    it('re-created: a frame that viewers shared before is not taken for one of the new stream', async () => {
      await using rig = new Rig();
      await rig.viewer.join('r');
      rig.publish(2);
      await rig.told();
      rig.publish(1);
      await rig.told();
      rig.stream.recreate();
      rig.publish(2);
      await rig.told();
      rig.publish(1);
      await rig.told();
      const ids = rig.viewer.events.flatMap((event) => (event.kind === 'message' ? [event.id] : []));
      assert.deepEqual(ids, ['m0', 'm1', 'm2', 'm3', 'm4', 'm5']);
    });

    it('re-created while a viewer waits for a page', async () => {
      await using rig = new Rig();
      rig.publish(6);
      await rig.viewer.join('r');
      await rig.told();
      rig.stream.leader = 'away';
      const second = new ModelClient(rig.gateway, 'second');
      second.positions.set('r', rig.stream.positionOf(2));
      await second.join('r');
      await settle();
      rig.stream.recreate();
      rig.publish(2);
      rig.stream.leader = 'present';
      await rig.gateway.pass(6_000);
      assert.deepEqual(second.told, [
        'joined 2 RESET',
        'reset RECREATED 0',
        ...messages(1, 2),
        'caught-up 2',
      ]);
      second.disconnect();
    });

    it('re-created while a start is looked up: ends up in the new stream, with everything it holds', async () => {
      for (const when of ['asked', 'answered'] as const) {
        await using rig = new Rig();
        const resident = new ModelClient(rig.gateway, 'resident');
        rig.publish(6);
        await resident.join('r');
        await settle();
        const recreate = (): void => {
          rig.stream.asked = () => undefined;
          rig.stream.recreate();
          rig.publish(2);
        };
        rig.stream.withholdAnswers();
        const joining = rig.viewer.join('r', { kind: 'last', count: 4 });
        await settle();
        if (when === 'answered') rig.stream.answer();
        recreate();
        rig.stream.answerAll();
        await rig.gateway.pass(3_000);
        await joining;
        rig.publish(1);
        const told = await rig.told();
        assert.equal(rig.viewer.positions.get('r')?.epoch, rig.stream.epoch);
        assert.deepEqual(
          told.filter((line) => line.startsWith('message')).slice(-3),
          messages(1, 3),
          told.join(),
        );
        resident.disconnect();
      }
    });

    it('re-created at any moment of a join: the viewer ends up in the new stream, with everything it holds', async () => {
      for (let moment = 0; moment < 40; moment++) {
        await using rig = new Rig();
        rig.publish(1);
        const joining = rig.viewer.join('r', { kind: 'earliest' });
        for (let step = 0; step < moment; step++) await Promise.resolve();
        rig.stream.recreate();
        rig.publish(2);
        await joining;
        await rig.gateway.pass(500);
        assert.equal(
          rig.viewer.positions.get('r')?.epoch,
          rig.stream.epoch,
          `${moment} steps after the join`,
        );
        assert.deepEqual((await rig.told()).slice(-3), [...messages(1, 2), 'caught-up 2']);
      }
    });

    it('re-created and then rewound while a viewer was blocked: everything of the new stream', async () => {
      await using rig = new Rig();
      rig.publish(6);
      await rig.viewer.join('r');
      await rig.told();
      rig.viewer.block();
      rig.publish(2);
      await settle();
      rig.stream.recreate();
      rig.publish(5);
      await rig.rest();
      rig.stream.rewindTo(3);
      rig.publish(1);
      await rig.rest();
      rig.viewer.unblock();
      const told = await rig.told();
      assert.deepEqual(told, [
        'message 7',
        'message 8',
        'reset RECREATED 0',
        ...messages(1, 4),
        'caught-up 4',
      ]);
    });

    it('rewound while a viewer was blocked: everything of the new history behind the place where it stood', async () => {
      await using rig = new Rig();
      await rig.viewer.join('r');
      rig.publish(2);
      await rig.told();
      rig.viewer.block();
      rig.publish(1);
      await settle();
      rig.publish(5);
      await settle();
      // The feed says nothing of the new history, which ends behind the viewer and before the room's head.
      rig.stream.rewindTo(1);
      rig.stream.feed = 'held';
      rig.publish(5);
      rig.stream.loseAll();
      await rig.rest();
      rig.viewer.unblock();
      const told = await rig.told();
      assert.deepEqual(told, ['message 3', 'reset REWOUND 3', ...messages(4, 6), 'caught-up 6']);
    });

    it('a viewer that has not been told of a re-creation stands in the stream of before', async () => {
      await using rig = new Rig();
      rig.publish(6);
      await rig.viewer.join('r');
      await rig.told();
      const { epoch } = rig.stream;
      const viewer = rig.viewer.subscriptionTo('r')!;
      rig.viewer.block();
      rig.stream.ephemeral('r', 'the transport is busy');
      await settle();
      rig.stream.recreate();
      rig.publish(1);
      await settle();
      assert.deepEqual([viewer.position.epoch, viewer.position.seq], [epoch, 6]);
      rig.viewer.unblock();
    });

    it('after NATS was away, the feed is believed only when the leader has confirmed where it goes on', async () => {
      await using rig = new Rig();
      await rig.viewer.join('r');
      rig.publish(3);
      await rig.told();
      // While NATS was away the stream was restored, and has grown to where it had been.
      rig.stream.feed = 'held';
      rig.stream.rewindTo(1);
      rig.publish(2);
      rig.stream.loseAll();
      rig.stream.feed = 'delivered';
      rig.gateway.hub.distrustFeeds();
      rig.publish(1);
      await rig.gateway.pass(5_000);
      const told = await rig.told();
      assert.deepEqual(told, ['reset REWOUND 3', 'message 4', 'caught-up 4']);
    });
  });

  describe('a copy that lags', () => {
    it('waits for a cursor that the stream has come to, and then resumes', async () => {
      await using rig = new Rig();
      rig.publish(2);
      await rig.viewer.join('r');
      await rig.told();
      rig.stream.freezeLeader();
      rig.stream.feed = 'held';
      rig.publish(2);
      rig.stream.copiedFrom = 4;
      rig.viewer.reconnect();
      rig.viewer.positions.set('r', rig.stream.positionOf(4));
      await rig.viewer.join('r');
      await rig.gateway.pass(60_000);
      assert.deepEqual(await rig.told(), []);
      rig.stream.thawLeader();
      await rig.gateway.pass(5_000);
      assert.deepEqual(await rig.told(), ['joined 4 RESUMED', 'caught-up 4']);
    });

    it('says that the stream was rewound when it has not come so far', async () => {
      await using rig = new Rig();
      rig.publish(2);
      await rig.viewer.join('r');
      await rig.told();
      rig.stream.copiedFrom = 3;
      rig.viewer.reconnect();
      rig.viewer.positions.set('r', { ...rig.stream.positionOf(2), seq: 4 });
      await rig.viewer.join('r');
      await rig.gateway.pass(60_000);
      assert.deepEqual((await rig.told()).slice(0, 2), ['joined 4 RESET', 'reset REWOUND 2']);
    });
  });

  describe('another name', () => {
    it('a backup restored over the stream, known to be of the same, is a rewind', async () => {
      await using rig = new Rig();
      await rig.viewer.join('r');
      rig.publish(4);
      await rig.told();
      rig.stream.rename(true);
      rig.stream.rewindTo(2);
      await rig.rest();
      rig.publish(1);
      assert.deepEqual(await rig.told(), ['reset REWOUND 2', 'caught-up 2', 'message 3']);
    });

    it('of a silent room is told at the same place first, and then further on', async () => {
      await using rig = new Rig();
      rig.stream.publish('other', 'x');
      rig.publish(1);
      await rig.viewer.join('r');
      rig.stream.purge('r');
      rig.stream.publish('other', 'x');
      await rig.rest();
      await rig.told();
      rig.stream.rename(true);
      rig.stream.publish('other', 'x');
      await rig.rest();
      assert.deepEqual(await rig.told(), ['caught-up 3', 'caught-up 4']);
    });
  });

  describe('retention', () => {
    it('a purge that took what the feed had lost is told as a gap', async () => {
      await using rig = new Rig();
      rig.publish(1, 'other');
      await rig.viewer.join('r');
      rig.publish(1);
      await rig.told();
      rig.stream.feed = 'held';
      rig.publish(1);
      rig.stream.loseAll();
      rig.stream.purge('r');
      rig.stream.feed = 'delivered';
      rig.publish(1);
      assert.deepEqual(await rig.told(), ['gap 2..4', 'message 4', 'caught-up 4']);
    });

    it('a purge that took what a blocked viewer had not had is told as a gap', async () => {
      await using rig = new Rig(FORGETFUL);
      rig.publish(1, 'other');
      await rig.viewer.join('r');
      rig.publish(1);
      await rig.told();
      rig.viewer.block();
      rig.publish(1);
      await settle();
      rig.publish(3);
      await rig.gateway.pass(TRIM_MS);
      rig.stream.purge('r');
      rig.publish(1);
      await rig.gateway.pass(TRIM_MS);
      rig.viewer.unblock();
      assert.deepEqual(await rig.told(), ['message 3', 'gap 3..7', 'message 7', 'caught-up 7']);
    });

    it('eviction under a viewer that replays is told as a gap, and what is held comes', async () => {
      await using rig = new Rig();
      rig.publish(12);
      rig.viewer.block();
      await rig.viewer.join('r', { kind: 'earliest' });
      await settle();
      rig.viewer.step();
      await settle();
      rig.stream.evictBefore(9);
      rig.viewer.unblock();
      const told = await rig.told();
      assert.deepEqual(told, [
        'joined 0 STARTED',
        // Two pages: the second was read ahead, before the eviction.
        ...messages(1, 5),
        'gap 5..9',
        ...messages(9, 12),
        'caught-up 12',
      ]);
    });
  });

  describe('memory', () => {
    it('does not grow for a viewer that takes nothing', async () => {
      await using rig = new Rig({ roomLogBytes: 600 * 1024 });
      await rig.viewer.join('r');
      await rig.told();
      rig.viewer.block();
      const text = 'x'.repeat(10_000);
      rig.stream.pageSize = 1000;
      for (let n = 0; n < 300; n++) {
        rig.stream.publish('r', text);
        rig.stream.ephemeral('r', text);
        await rig.gateway.pass(TRIM_MS / 4);
      }
      assert.ok(rig.gateway.hub.memory < 1024 * 1024, `${rig.gateway.hub.memory} bytes`);
      rig.viewer.unblock();
      await rig.gateway.pass(1_000);
      assert.deepEqual(
        (await rig.told()).filter((line) => line.startsWith('message')),
        messages(1, 300),
      );
    });

    it('has two pages of a long replay at most, however fast they come', async () => {
      await using rig = new Rig({ roomLogBytes: 64 * 1024 });
      rig.stream.pageSize = 5;
      for (let n = 0; n < 60; n++) rig.stream.publish('r', 'x'.repeat(100_000));
      await rig.viewer.join('r', { kind: 'earliest' });
      for (let turns = 0; turns < 50; turns++) await rig.gateway.settle();
      const messagesTold = (await rig.told()).filter((line) => line.startsWith('message'));
      assert.equal(messagesTold.length, 60, 'and no time has passed');
      assert.ok(rig.gateway.hub.memory < 2.5 * 5 * 100_000, `${rig.gateway.hub.memory} bytes`);
    });

    it('is brought within its limit though pages without messages came first', async () => {
      await using rig = new Rig({ roomLogBytes: 1024 * 1024 });
      rig.publish(200, 'another');
      await rig.viewer.join('r');
      for (let seq = 1; seq <= 100; seq++) {
        const client = new ModelClient(rig.gateway, `made up ${seq}`);
        await client.join('r', { kind: 'cursor', cursor: { epoch: rig.stream.epoch, seq, fingerprint: 1 } });
        await settle();
        client.disconnect();
      }
      for (let n = 0; n < 100; n++) rig.stream.publish('r', 'x'.repeat(60_000));
      await rig.gateway.pass(TRIM_MS);
      const { memory } = rig.gateway.hub;
      assert.ok(memory <= 1024 * 1024, `${memory} bytes`);
      await rig.told();
    });

    it('evicted rooms serve from the stream with one read for all', async () => {
      await using rig = new Rig(FORGETFUL);
      await rig.viewer.join('r');
      rig.publish(8);
      await rig.gateway.pass(TRIM_MS);
      await rig.told();
      rig.stream.pageSize = 100;
      rig.stream.questions.history = 0;
      const late = Array.from({ length: 50 }, (_, n) => new ModelClient(rig.gateway, `late ${n}`));
      await Promise.all(
        late.map((client) => {
          client.positions.set('r', rig.stream.positionOf(3));
          return client.join('r');
        }),
      );
      await rig.gateway.pass(500);
      for (const client of late) {
        assert.deepEqual(client.told, ['joined 3 RESUMED', ...messages(4, 8), 'caught-up 8']);
        client.disconnect();
      }
      assert.equal(rig.stream.questions.history, 1);
    });
  });

  describe('a stream that brings nothing behind the place that is asked for', () => {
    it('is asked later and later, and serves as soon as it does', async () => {
      await using rig = new Rig(FORGETFUL);
      rig.publish(5);
      rig.stream.pageSize = 1;
      rig.stream.asked = (question) => {
        if (question === 'history') assert.ok(rig.stream.questions.history < 100, 'asked without end');
      };
      await rig.viewer.join('r', { kind: 'cursor', cursor: rig.stream.positionOf(2) });
      await rig.gateway.pass(10_000);
      const { history } = rig.stream.questions;
      assert.ok(history > 3 && history < 20, `asked ${history} times`);
      assert.deepEqual(await rig.told(), []);
      rig.stream.pageSize = 2;
      await rig.gateway.pass(5_000);
      assert.deepEqual(await rig.told(), ['joined 2 RESUMED', ...messages(3, 5), 'caught-up 5']);
    });

    it('is asked later and later by a repair, too', async () => {
      await using rig = new Rig();
      rig.publish(1);
      await rig.viewer.join('r');
      await rig.told();
      rig.stream.pageSize = 1;
      rig.stream.feed = 'held';
      rig.publish(3);
      rig.stream.lose(0);
      rig.stream.deliverAll();
      await rig.gateway.pass(10_000);
      const { history } = rig.stream.questions;
      assert.ok(history > 3 && history < 20, `asked ${history} times`);
      rig.stream.pageSize = 2;
      await rig.gateway.pass(3_000);
      assert.deepEqual(await rig.told(), messages(2, 4));
    });
  });

  describe('frames of a replay', () => {
    /** The frames of batches that viewers get from their cursors until they have caught up, taking turns. */
    async function replayed(rig: Rig, ...seqs: number[]): Promise<CompressibleFrame[][]> {
      const room = await rig.gateway.hub.acquire('r');
      const viewers = seqs.map((seq) =>
        room.join({ wake: () => undefined }, { kind: 'cursor', cursor: rig.stream.positionOf(seq) }),
      );
      const frames = seqs.map((): CompressibleFrame[] => []);
      const behind = new Set(viewers);
      while (behind.size > 0) {
        for (const [index, viewer] of viewers.entries()) {
          const event = behind.has(viewer) ? viewer.next() : undefined;
          if (event?.kind === 'batch') frames[index]?.push(event.frame);
          if (event?.kind === 'caught-up') behind.delete(viewer);
        }
        await settle();
      }
      for (const viewer of viewers) viewer.leave();
      rig.gateway.hub.release(room);
      return frames;
    }

    for (const [where, limits] of [
      ['the log', {}],
      ['a page', FORGETFUL],
    ] as const) {
      it(`from ${where} are the same for all, wherever they began; from one place, from the first on`, async () => {
        await using rig = new Rig(limits);
        await rig.viewer.join('r');
        rig.stream.pageSize = 1_000;
        for (let n = 0; n < 100; n++) rig.stream.publish('r', `${n} ${'x'.repeat(4_000)}`);
        await rig.gateway.pass(TRIM_MS);
        const [all = []] = await replayed(rig, 2);
        assert.ok(all.length > 5);
        for (const late of await replayed(rig, 10, 30)) {
          // The first ends the segment that they began in, and the log may yet add to its last.
          const lying = late.slice(1, -1).reverse();
          assert.ok(lying.length >= 2);
          assert.ok(lying.every((frame, index) => frame === all.at(-2 - index)));
        }
        const [one = [], other = []] = await replayed(rig, 30, 30);
        assert.ok(one.every((frame, index) => frame === other[index]));
        await rig.told();
      });
    }

    it('are not taken for those of the history before', async () => {
      await using rig = new Rig();
      await rig.viewer.join('r');
      rig.publish(4);
      await rig.told();
      rig.viewer.block();
      const [[before] = []] = await replayed(rig, 2);
      rig.stream.recreate();
      rig.publish(4);
      await rig.told();
      const [[frame] = []] = await replayed(rig, 2);
      assert.ok(!before?.plain.equals(frame?.plain ?? Buffer.alloc(0)));
      const { batch } = liveService.Connect.responseDeserialize(bareFrame(frame?.plain ?? Buffer.alloc(0)));
      assert.deepEqual(
        batch?.reliable.map(({ id }) => id),
        ['m6', 'm7'],
      );
    });
  });

  describe('a replay from a page of a history that nobody has noticed to be another', () => {
    it('gives what the page holds, not what the log had there before', async () => {
      await using rig = new Rig(FORGETFUL);
      rig.stream.pageSize = 10;
      await rig.viewer.join('r');
      rig.publish(10);
      await rig.told();
      const cursor = rig.stream.positionOf(5);
      const [early, late] = [new ModelClient(rig.gateway, 'early'), new ModelClient(rig.gateway, 'late')];
      await early.join('r', { kind: 'cursor', cursor });
      await rig.gateway.pass(2 * TRIM_MS);
      rig.stream.rewindTo(5);
      rig.stream.feed = 'held';
      rig.publish(5);
      rig.stream.loseAll();
      await late.join('r', { kind: 'cursor', cursor });
      await settle();
      const ids = late.events.flatMap((event) => (event.kind === 'message' ? [event.id] : []));
      assert.deepEqual(ids, ['m10', 'm11', 'm12', 'm13', 'm14']);
      early.disconnect();
      late.disconnect();
      await rig.rest();
      await rig.told();
    });
  });

  describe('ephemeral messages', () => {
    it('reach who is live, and what a blocked viewer missed is counted', async () => {
      await using rig = new Rig();
      await rig.viewer.join('r');
      await rig.told();
      rig.stream.ephemeral('r', 'a');
      assert.deepEqual(await rig.told(), ['ephemeral a']);
      rig.viewer.block();
      rig.stream.ephemeral('r', 'b');
      await settle();
      for (const text of ['c', 'd']) rig.stream.ephemeral('r', text);
      await rig.gateway.pass(5_000);
      rig.viewer.unblock();
      assert.deepEqual(await rig.told(), ['ephemeral b', 'dropped 2']);
    });

    it('beyond the budget of the room are told as dropped with the next', async () => {
      await using rig = new Rig({ ephemeralRate: 20, audienceMs: 3_000 });
      await rig.viewer.join('r');
      await rig.told();
      for (let n = 0; n < 50; n++) rig.stream.ephemeral('r', `${n}`);
      assert.deepEqual(await rig.told(), ['ephemeral 0', 'ephemeral 1']);
      rig.stream.ephemeral('r', 'too soon');
      assert.deepEqual(await rig.told(), []);
      await rig.gateway.pass(50);
      rig.stream.ephemeral('r', 'in time');
      assert.deepEqual(await rig.told(), ['ephemeral in time', 'dropped 49']);
      assert.equal(rig.gateway.hub.counters.ephemeralSampledOut, 49);
    });

    it('beyond the budget of the room wake nobody', async () => {
      await using rig = new Rig({ ephemeralRate: 20 });
      const room = await rig.gateway.hub.acquire('r');
      let woken = 0;
      const viewer = room.join({ wake: () => woken++ }, { kind: 'live' });
      for (const expected of [2, 3, 3, 3]) {
        while (viewer.next() !== undefined);
        rig.stream.ephemeral('r', 'x');
        assert.equal(woken, expected);
      }
      viewer.leave();
      rig.gateway.hub.release(room);
    });

    it('sampled out are told at the latest with the audience; reliable ones pass', async () => {
      await using rig = new Rig({ ephemeralRate: 1, audienceMs: 3_000 });
      await rig.viewer.join('r');
      for (let n = 0; n < 5; n++) rig.stream.ephemeral('r', `${n}`);
      await rig.told();
      rig.publish(3);
      assert.deepEqual(await rig.told(), messages(1, 3));
      await rig.gateway.pass(2_900);
      for (const text of ['in time', 'too soon']) rig.stream.ephemeral('r', text);
      assert.deepEqual(await rig.told(), ['ephemeral in time', 'dropped 4']);
      await rig.gateway.pass(100);
      assert.deepEqual(await rig.told(), ['dropped 1', 'audience 1']);
    });
  });
});
