import assert from 'node:assert/strict';
import { Pings } from '../../client/transports/node/pings.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

const options = { timeMs: 20_000, timeoutMs: 30_000 };

describe('pings of a WebSocket', () => {
  let clock: ManualClock;
  let pings: Pings;
  let pinged: number;
  let unanswered: number;

  beforeEach(() => {
    clock = new ManualClock();
    [pinged, unanswered] = [0, 0];
    pings = new Pings(options, { ping: () => (pinged += 1), unanswered: () => (unanswered += 1) }, clock);
  });

  it('go on as long as each is answered in time, from the answer on', () => {
    for (const expected of [1, 2, 3]) {
      clock.advance(options.timeMs - 1);
      assert.equal(pinged, expected - 1);
      clock.advance(1);
      assert.equal(pinged, expected);
      clock.advance(options.timeoutMs - 1);
      pings.answered();
    }
    assert.equal(unanswered, 0);
  });

  it('that stay unanswered are told, once', () => {
    clock.advance(options.timeMs + options.timeoutMs - 1);
    assert.equal(unanswered, 0);
    // As late as a timer may be on a busy machine.
    clock.sleepThrough(1 + 500);
    assert.deepEqual([pinged, unanswered, clock.pending], [1, 1, 0]);
  });

  it('are sent again by a process that slept: the answer may be waiting unread', () => {
    clock.advance(options.timeMs);
    clock.sleepThrough(options.timeoutMs + 501);
    assert.deepEqual([pinged, unanswered], [2, 0]);
    clock.advance(options.timeoutMs);
    assert.equal(unanswered, 1, 'it is not');
  });

  it('end with the connection', () => {
    clock.advance(options.timeMs);
    pings.stop();
    assert.equal(clock.pending, 0);
  });
});
