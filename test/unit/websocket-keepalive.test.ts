import assert from 'node:assert/strict';
import type { Kept } from '../../server/transport/websocket/keepalive.ts';
import { KeepaliveSweep } from '../../server/transport/websocket/keepalive.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

const KEEPALIVE = { timeMs: 4_000, timeoutMs: 2_000 };

class Connection implements Kept {
  quiet = 0;
  paused = false;
  pings = 0;
  ended = false;
  ping(): void {
    this.pings++;
  }
  terminate(): void {
    this.ended = true;
  }
}

describe('WebSockets that are silent', () => {
  let clock: ManualClock;
  let connections: Connection[];
  let sweep: KeepaliveSweep;

  beforeEach(() => {
    clock = new ManualClock();
    connections = Array.from({ length: 250 }, () => new Connection());
    sweep = new KeepaliveSweep(clock, KEEPALIVE, () => connections);
  });

  afterEach(() => sweep.close());

  it('are asked in time, a hundred at once', () => {
    const asked = (): number => connections.filter(({ pings }) => pings === 1).length;
    const counts: number[] = [];
    clock.advance(KEEPALIVE.timeMs - 1);
    assert.equal(asked(), 0);
    const after = clock.after.bind(clock);
    clock.after = (ms, fn) => {
      counts.push(asked());
      return after(ms, fn);
    };
    clock.advance(1);
    assert.deepEqual([...counts, asked()], [100, 200, 250]);
  });

  it('are ended if nothing comes of it, but not those that cannot be heard or have been', () => {
    const [dead, paused, heard] = connections as [Connection, Connection, Connection];
    paused.paused = true;
    for (let passed = 0; passed < KEEPALIVE.timeMs + 2 * KEEPALIVE.timeoutMs; passed += 500) {
      heard.quiet = 0;
      clock.advance(500);
    }
    assert.deepEqual([dead.ended, paused.ended, heard.ended], [true, false, false]);
  });
});
