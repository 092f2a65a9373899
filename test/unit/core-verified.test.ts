import assert from 'node:assert/strict';
import { CoreGateway, ModelClient } from '../helpers/core-gateway.ts';
import type { Told } from '../helpers/core-gateway.ts';
import { settle } from '../helpers/settle.ts';
import { StreamModel } from '../helpers/stream-model.ts';

/** A gateway with a room of three messages in memory, and one viewer that has them. */
class Rig implements AsyncDisposable {
  readonly stream = new StreamModel();
  readonly gateway = new CoreGateway(this.stream);
  readonly #viewers: ModelClient[] = [];

  static async open(): Promise<Rig> {
    const rig = new Rig();
    const first = rig.viewer();
    await first.join('r');
    for (const text of ['a', 'b', 'c']) rig.stream.publish('r', text);
    await settle();
    return rig;
  }

  viewer(): ModelClient {
    const viewer = new ModelClient(this.gateway, `v${this.#viewers.length}`);
    this.#viewers.push(viewer);
    return viewer;
  }

  /** Stores a message that the feed does not bring. */
  lose(text: string): void {
    this.stream.feed = 'held';
    this.stream.publish('r', text);
    this.stream.loseAll();
    this.stream.feed = 'delivered';
  }

  /** What a viewer was told since this was last asked. */
  async told(viewer: ModelClient): Promise<Told[]> {
    await settle();
    return viewer.told.splice(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const viewer of this.#viewers) {
      assert.deepEqual(viewer.discontinuities, []);
      viewer.disconnect();
    }
    this.gateway.close();
    await settle();
    assert.equal(this.gateway.clock.pending, 0, 'timers left behind');
  }
}

describe('Bookmarked: what cannot be proven', () => {
  it('while the stream cannot be asked, nobody is told that it has everything', async () => {
    await using rig = await Rig.open();
    const { hub } = rig.gateway;
    hub.suspend();
    const resumed = rig.viewer();
    await resumed.join('r', { kind: 'cursor', cursor: rig.stream.positionOf(1) });
    assert.deepEqual(await rig.told(resumed), ['joined 1 RESUMED', 'message 2', 'message 3']);
    rig.lose('lost');
    hub.distrustFeeds();
    assert.deepEqual(await rig.told(resumed), ['message 4', 'caught-up 4']);
  });

  it('while the stream cannot be asked, a viewer that begins live waits, and begins where the room then is', async () => {
    await using rig = await Rig.open();
    const { hub } = rig.gateway;
    hub.suspend();
    const viewer = rig.viewer();
    await viewer.join('r');
    assert.deepEqual(await rig.told(viewer), []);
    rig.lose('lost');
    hub.distrustFeeds();
    assert.deepEqual(await rig.told(viewer), ['joined 4 STARTED', 'caught-up 4']);
  });

  it('a room that is opened meanwhile is not believed either', async () => {
    await using rig = await Rig.open();
    const { hub } = rig.gateway;
    hub.suspend();
    const viewer = rig.viewer();
    await viewer.join('other');
    assert.deepEqual(await rig.told(viewer), []);
    hub.distrustFeeds();
    assert.deepEqual(await rig.told(viewer), ['joined 3 STARTED', 'caught-up 3']);
  });

  it('while a hole is being read, nobody is told that it has everything', async () => {
    await using rig = await Rig.open();
    rig.stream.leader = 'away';
    rig.lose('lost');
    rig.stream.publish('r', 'betrays it');
    const [resumed, live] = [rig.viewer(), rig.viewer()];
    await resumed.join('r', { kind: 'cursor', cursor: rig.stream.positionOf(2) });
    await live.join('r');
    assert.deepEqual(await rig.told(resumed), ['joined 2 RESUMED', 'message 3']);
    assert.deepEqual(await rig.told(live), []);
    rig.stream.leader = 'present';
    await rig.gateway.pass(5_000);
    assert.deepEqual(await rig.told(resumed), ['message 4', 'message 5', 'caught-up 5']);
    assert.deepEqual(await rig.told(live), ['joined 5 STARTED', 'caught-up 5']);
  });

  it('what the leader said before the feed was interrupted does not end a repair', async () => {
    await using rig = await Rig.open();
    const { hub } = rig.gateway;
    rig.stream.withholdAnswers();
    hub.distrustFeeds();
    await settle();
    const viewer = rig.viewer();
    await viewer.join('r');
    // The end has been asked for; the feed is interrupted again before the answer has come, and loses a message.
    rig.stream.freezeLeader();
    rig.lose('lost');
    hub.suspend();
    hub.distrustFeeds();
    rig.stream.answer();
    await settle();
    rig.stream.thawLeader();
    rig.stream.answerAll();
    assert.deepEqual(await rig.told(viewer), ['joined 4 STARTED', 'caught-up 4']);
  });
});
