import assert from 'node:assert/strict';
import { ReadFlow } from '../../server/nats/read/read-flow.ts';
import { ReadWindow } from '../../server/nats/read/read-window.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { settle } from '../helpers/settle.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** A link with a queue in front of it, and readers that take all that they may. */
class Rig {
  readonly clock = new ManualClock();
  readonly window = new ReadWindow(this.clock);
  readonly #roundTripMs: number;
  /** Bytes a second. */
  rate: number;
  #freeMs = 0;
  /** Bytes that have arrived, by reader. */
  readonly arrived: number[] = [];
  /** The longest time that something asked for has taken since it was last set to 0. */
  slowestMs = 0;

  constructor(rate: number, roundTripMs: number) {
    this.rate = rate;
    this.#roundTripMs = roundTripMs;
  }

  /** Reads until `total` bytes have been asked for; `least` at once. */
  read(total: number, least = 0): ReadFlow {
    const flow = new ReadFlow(this.window, this.clock);
    const reader = this.arrived.push(0) - 1;
    const ask = async (): Promise<void> => {
      for (let asked = 0; asked < total;) {
        const bytes = await flow.take(least, total - asked);
        if (bytes === undefined) return;
        asked += bytes;
        this.#send(bytes, reader, flow);
      }
    };
    void ask();
    return flow;
  }

  #send(bytes: number, reader: number, flow: ReadFlow): void {
    const nowMs = this.clock.monotonicMs();
    this.#freeMs = Math.max(this.#freeMs, nowMs + this.#roundTripMs / 2) + (bytes / this.rate) * 1_000;
    this.clock.after(this.#freeMs + this.#roundTripMs / 2 - nowMs, () => {
      this.arrived[reader]! += bytes;
      this.slowestMs = Math.max(this.slowestMs, this.clock.monotonicMs() - nowMs);
      flow.arrived(bytes);
    });
  }

  get total(): number {
    return this.arrived.reduce((sum, bytes) => sum + bytes, 0);
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10) {
      this.clock.advance(10);
      await settle(2);
    }
  }
}

describe('nats: read window', () => {
  for (const [rate, roundTripMs] of [
    [50_000, 200],
    [20_000, 20],
    [1_000_000, 100],
    [5_000_000, 10],
  ] as const) {
    it(`keeps a link of ${rate} B/s and ${roundTripMs} ms busy without a long queue`, async () => {
      const rig = new Rig(rate, roundTripMs);
      rig.read(Infinity);
      await rig.pass(15_000);
      const before = rig.total;
      rig.slowestMs = 0;
      await rig.pass(15_000);
      const carried = (rig.total - before) / (15 * rate);
      assert.ok(carried > 0.9, `${carried} of what the link can carry`);
      assert.ok(rig.slowestMs < roundTripMs + 1_200, `took ${rig.slowestMs} ms`);
    });
  }

  it('has a bound, however good the link is', async () => {
    const rig = new Rig(1e9, 1);
    rig.read(Infinity);
    await rig.pass(1_000);
    assert.equal(rig.window.size, 8 * MIB);
    assert.ok(rig.window.underWay <= 8 * MIB);
  });

  it('follows a link that becomes worse', async () => {
    const rig = new Rig(1_000_000, 50);
    rig.read(Infinity);
    await rig.pass(10_000);
    rig.rate = 50_000;
    await rig.pass(30_000);
    rig.slowestMs = 0;
    await rig.pass(5_000);
    assert.ok(rig.slowestMs < 1_000, `took ${rig.slowestMs} ms`);
  });

  it('does not grow by what is not made use of', async () => {
    const rig = new Rig(1e9, 1);
    const { size } = rig.window;
    for (let n = 0; n < 100; n++) {
      rig.read(KIB);
      await rig.pass(20);
    }
    assert.equal(rig.window.size, size);
  });

  it('is halved when the connection is lost while something is on its way, and only then', async () => {
    const rig = new Rig(1e9, 1);
    const flow = rig.read(Infinity);
    await rig.pass(1_000);
    rig.window.lost();
    assert.equal(rig.window.size, 4 * MIB);
    flow.close();
    await settle(3);
    assert.equal(rig.window.underWay, 0);
    rig.window.lost();
    assert.equal(rig.window.size, 4 * MIB);
  });

  it('is shared evenly by all who read', async () => {
    const rig = new Rig(100_000, 100);
    for (let reader = 0; reader < 16; reader++) rig.read(Infinity);
    await rig.pass(60_000);
    const mean = rig.total / 16;
    for (const bytes of rig.arrived) assert.ok(bytes > mean * 0.8 && bytes < mean * 1.2, rig.arrived.join());
    assert.ok(rig.window.underWay <= rig.window.size);
  });

  it('lets a message through that is larger than itself, and others beside it', async () => {
    const rig = new Rig(50_000, 200);
    rig.read(3 * MIB, MIB);
    rig.read(200 * KIB);
    await rig.pass(90_000);
    assert.deepEqual(rig.arrived, [3 * MIB, 200 * KIB]);
    assert.equal(rig.window.underWay, 0);
  });

  it('16 who want messages of 8 MB get them one or two at a time', async () => {
    const rig = new Rig(100 * MIB, 1);
    for (let reader = 0; reader < 16; reader++) rig.read(24 * MIB, 8 * MIB);
    let most = 0;
    for (let n = 0; n < 1_000; n++) {
      await rig.pass(10);
      most = Math.max(most, rig.window.underWay);
    }
    assert.equal(rig.total, 16 * 24 * MIB);
    assert.ok(most <= 16 * MIB, `${most} bytes on their way`);
  });
});

describe('nats: read flow', () => {
  it('gives back what a read has taken when it is closed, also while it waits in line', async () => {
    const rig = new Rig(1, 1e6);
    const first = rig.read(Infinity);
    const second = rig.read(Infinity);
    await settle(3);
    assert.ok(rig.window.underWay > 0);
    first.close();
    second.close();
    await settle(3);
    assert.equal(rig.window.underWay, 0);
  });

  it('never accounts for more than it has asked for', async () => {
    const clock = new ManualClock();
    const window = new ReadWindow(clock);
    const flow = new ReadFlow(window, clock);
    assert.equal(await flow.take(0, 100), 100);
    flow.arrived(60);
    assert.equal(flow.underWay, 40);
    flow.unused(1_000);
    flow.arrived(1_000);
    assert.equal(flow.underWay, 0);
    assert.equal(window.underWay, 0);
  });
});
