import assert from 'node:assert/strict';
import { watchLiveness } from '../../server/nats/connection/liveness.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

describe('liveness of the connection to NATS', () => {
  let clock: ManualClock;
  let connection: { open: boolean; bytesReceived: number; bytesSent: number };
  let done: string[];

  beforeEach(() => watch());

  function watch(heartbeatMs?: number): void {
    clock = new ManualClock();
    connection = { open: true, bytesReceived: 0, bytesSent: 0 };
    done = [];
    watchLiveness(
      {
        get open() {
          return connection.open;
        },
        get bytesReceived() {
          return connection.bytesReceived;
        },
        get bytesSent() {
          return connection.bytesSent;
        },
        ping: () => done.push('ping'),
        silent: (silent) => done.push(silent ? 'silent' : 'heard'),
        cut: () => done.push('cut'),
      },
      clock,
      heartbeatMs,
    );
    clock.advance(250);
  }

  it('asks after a second of silence, tells after three, and cuts after six', () => {
    clock.advance(1_000);
    assert.deepEqual(done, ['ping']);
    clock.advance(1_750);
    assert.deepEqual(done, ['ping']);
    clock.advance(250);
    assert.deepEqual(done, ['ping', 'silent']);
    clock.advance(3_000);
    assert.deepEqual(done, ['ping', 'silent', 'cut']);
  });

  it('tells after two heartbeats, but gives the answer a second', () => {
    for (const [heartbeatMs, toldMs] of [
      [100, 2_000],
      [1_250, 2_500],
      [5_000, 3_000],
    ] as const) {
      watch(heartbeatMs);
      clock.advance(toldMs - 250);
      assert.deepEqual(done, ['ping']);
      clock.advance(250);
      assert.deepEqual(done, ['ping', 'silent']);
    }
  });

  it('takes any byte for a sign of life, also when the answer to a ping does not come', () => {
    for (let second = 0; second < 60; second++) {
      clock.advance(1_000);
      connection.bytesReceived++;
    }
    assert.deepEqual(new Set(done), new Set(['ping']));
  });

  it('says when something comes again', () => {
    clock.advance(3_000);
    connection.bytesReceived++;
    clock.advance(250);
    assert.deepEqual(done, ['ping', 'silent', 'heard']);
  });

  it('gives what is on its way to NATS the time that a slow link takes, but not for ever', () => {
    connection.bytesSent += 400_000;
    clock.advance(15_750);
    assert.ok(!done.includes('cut'));
    clock.advance(250);
    assert.ok(done.includes('cut'));
    connection.bytesReceived++;
    clock.advance(250);
    done = [];
    connection.bytesSent += 1e9;
    clock.advance(6_000 + (1024 * 1024) / 40 + 250);
    assert.ok(done.includes('cut'));
  });

  it('does not count time in which the event loop itself stalled', () => {
    clock.sleepThrough(60_000);
    assert.deepEqual(done, []);
    clock.advance(1_000);
    assert.deepEqual(done, ['ping']);
  });

  it('does not count time without a connection', () => {
    connection.open = false;
    clock.advance(60_000);
    assert.deepEqual(done, []);
  });
});
