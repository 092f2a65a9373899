import assert from 'node:assert/strict';
import { seededRandom } from '../../common/random.ts';
import { Fleet } from '../../server/cluster/fleet.ts';
import { createLogger } from '../../server/observability/logging.ts';
import { Rebalancing } from '../../server/cluster/rebalancing.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** A gateway of which there is nothing but its viewers, in the order in which they came. */
interface Place {
  readonly name: string;
  readonly fleet: Fleet;
  readonly viewers: string[];
}

/** Gateways that tell each other once a second how many viewers they have. */
class Gateways {
  readonly places: Place[] = [];
  /** Moves of each viewer that was moved. */
  readonly moves = new Map<string, number>();
  readonly #clock: ManualClock;
  readonly #advised: boolean;
  readonly #random = seededRandom(1);

  /** @param advised whether viewers can be told where to go */
  constructor(clock: ManualClock, { advised }: { readonly advised: boolean }) {
    this.#clock = clock;
    this.#advised = advised;
    clock.every(SECOND_MS, () => this.#tell());
  }

  add(name: string, viewers: number, percent = 5): Place {
    const place: Place = {
      name,
      fleet: new Fleet('LIVE'),
      viewers: Array.from({ length: viewers }, (_, n) => `${name}${n}`),
    };
    const move = (count: number): number => {
      const moving = place.viewers.splice(0, count);
      for (const viewer of moving) this.#send(viewer, place);
      return moving.length;
    };
    const sessions = {
      get count() {
        return place.viewers.length;
      },
      move,
    };
    new Rebalancing(sessions, place.fleet, percent, this.#clock, createLogger('silent'));
    this.places.push(place);
    return place;
  }

  get moved(): number {
    return [...this.moves.values()].reduce((sum, moves) => sum + moves, 0);
  }

  get sizes(): number[] {
    return this.places.map(({ viewers }) => viewers.length);
  }

  #send(viewer: string, from: Place): void {
    this.moves.set(viewer, (this.moves.get(viewer) ?? 0) + 1);
    const advised = from.fleet.destination();
    const others = this.places.filter((place) => place !== from);
    const byChance = others[Math.floor(this.#random() * others.length)];
    const to = others.find(({ name }) => name === advised) ?? byChance;
    to?.viewers.push(viewer);
  }

  #tell(): void {
    for (const { name, viewers } of this.places) {
      const load = { stream: 'LIVE', sessions: viewers.length, endpoint: this.#advised ? name : undefined };
      for (const other of this.places) if (other.name !== name) other.fleet.note(name, load);
    }
  }
}

describe('core: fleet', () => {
  it('sends each viewer to the gateway that then has the fewest, where it counts at once', () => {
    const fleet = new Fleet('LIVE');
    fleet.note('a', { stream: 'LIVE', sessions: 3, endpoint: 'a:1' });
    fleet.note('b', { stream: 'LIVE', sessions: 1, endpoint: 'b:1' });
    assert.deepEqual(
      Array.from({ length: 5 }, () => fleet.destination()),
      ['b:1', 'b:1', 'a:1', 'b:1', 'a:1'],
    );
    fleet.note('b', undefined);
    assert.equal(fleet.destination(), 'a:1');
    fleet.note('c', { stream: 'LIVE', sessions: 0 });
    assert.equal(fleet.destination(), undefined, 'where c is, is not known');
    fleet.forget('c');
    fleet.forget('a');
    assert.equal(fleet.destination(), undefined);
    fleet.note('far', { stream: 'LIVE_EU', sessions: 0, endpoint: 'far:1' });
    assert.deepEqual([fleet.destination(), fleet.excess(1_000)], [undefined, 0], 'it serves another stream');
  });

  it('has an excess when one has 20 % more than the mean, or less', () => {
    const excess = (here: number, ...others: number[]): number => {
      const fleet = new Fleet('LIVE');
      others.forEach((sessions, n) => fleet.note(`${n}`, { stream: 'LIVE', sessions }));
      return fleet.excess(here);
    };
    assert.equal(excess(1_000), 0);
    assert.equal(excess(120, 100, 80), 0);
    assert.equal(excess(121, 99, 80), 21);
    assert.equal(excess(79, 121, 100), 0, 'it is the others that have too many');
    assert.equal(
      excess(109, 109, 109, 109, 109, 109, 109, 109, 109, 0),
      10,
      'none has 20 % too many, but one has none',
    );
    assert.equal(excess(10, 0), 0, 'a handful');
    assert.equal(excess(12, 0), 6);
  });
});

describe('rebalancing', () => {
  let clock: ManualClock;

  beforeEach(() => {
    clock = new ManualClock();
  });

  it('moves as many as it may now, once another percentage is set', () => {
    const fleet = new Fleet('LIVE');
    fleet.note('empty', { stream: 'LIVE', sessions: 0 });
    let moved = 0;
    const move = (viewers: number): number => ((moved += viewers), viewers);
    const rebalancing = new Rebalancing({ count: 1_000, move }, fleet, 0, clock, createLogger('silent'));
    clock.advance(MINUTE_MS);
    assert.equal(moved, 0);
    rebalancing.limit(6);
    clock.advance(10 * SECOND_MS + MINUTE_MS);
    assert.equal(moved, 60);
  });

  it('fills a gateway that was added, with no viewer moved twice and no more than 5 % in a minute', () => {
    const gateways = new Gateways(clock, { advised: true });
    gateways.add('a', 1_000);
    gateways.add('b', 1_000);
    clock.advance(MINUTE_MS);
    gateways.add('c', 0);
    let before = 0;
    for (let minute = 0; minute < 15; minute++) {
      clock.advance(MINUTE_MS);
      assert.ok(gateways.moved - before <= 101, `${gateways.moved - before} in one minute`);
      before = gateways.moved;
    }
    assert.equal(Math.max(...gateways.moves.values()), 1);
    const mean = 2_000 / 3;
    for (const size of gateways.sizes) assert.ok(Math.abs(size - mean) <= 0.2 * mean, String(gateways.sizes));
    assert.equal(gateways.moved, gateways.sizes[2], 'none in vain');
    clock.advance(60 * MINUTE_MS);
    assert.equal(gateways.moved, before, 'and then nobody');
  });

  it('evens out by chance where no addresses are known, as behind a load balancer', () => {
    const gateways = new Gateways(clock, { advised: false });
    for (const name of ['a', 'b', 'c', 'd']) gateways.add(name, 500);
    gateways.add('e', 0);
    clock.advance(120 * MINUTE_MS);
    for (const size of gateways.sizes) assert.ok(Math.abs(size - 400) <= 80, String(gateways.sizes));
    const { moved } = gateways;
    clock.advance(60 * MINUTE_MS);
    assert.equal(gateways.moved, moved);
  });

  it('moves nobody while the numbers are within 20 % of each other, or differ for a moment only', () => {
    const gateways = new Gateways(clock, { advised: true });
    const a = gateways.add('a', 118);
    gateways.add('b', 82);
    clock.advance(60 * MINUTE_MS);
    const crowd = Array.from({ length: 5_000 }, (_, n) => `crowd${n}`);
    a.viewers.push(...crowd);
    clock.advance(9 * SECOND_MS);
    a.viewers.splice(-crowd.length);
    clock.advance(60 * MINUTE_MS);
    assert.equal(gateways.moved, 0);
  });

  it('moves a few a minute where 5 % are less than that, and nobody at 0 %', () => {
    const gateways = new Gateways(clock, { advised: true });
    gateways.add('a', 40);
    gateways.add('b', 0);
    clock.advance(10 * SECOND_MS + MINUTE_MS + SECOND_MS);
    assert.equal(gateways.moved, 6);

    const still = new Gateways(clock, { advised: true });
    still.add('a', 40, 0);
    still.add('b', 0, 0);
    clock.advance(60 * MINUTE_MS);
    assert.equal(still.moved, 0);
  });
});
