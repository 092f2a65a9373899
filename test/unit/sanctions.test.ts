import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Http2Session } from 'node:http2';
import type { Sanctioned } from '../../server/session/slow-consumers.ts';
import { Sanctions } from '../../server/session/slow-consumers.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

const stuckMs = 1_000;

/** A connection whose peer answers PINGs when it is told to. */
class Connection extends EventEmitter {
  #pings: ((error: Error | null) => void)[] = [];

  ping(answered: (error: Error | null) => void): boolean {
    this.#pings.push(answered);
    return true;
  }

  answer(): void {
    for (const answered of this.#pings.splice(0)) answered(null);
  }
}

describe('sanctions against viewers that take nothing', () => {
  let clock: ManualClock;
  let sanctions: Sanctions;
  let log: string[];
  let viewers: Map<string, Sanctioned>;

  beforeEach(() => {
    clock = new ManualClock();
    sanctions = new Sanctions(clock, stuckMs);
    log = [];
    viewers = new Map();
  });

  function viewer(name: string, connection: Connection | undefined, stuckSinceMs: number | undefined): void {
    viewers.set(name, {
      connection: connection as unknown as Http2Session | undefined,
      stuckSinceMs,
      reset() {
        log.push(`reset ${name}`);
        viewers.delete(name);
      },
      cutOff() {
        log.push(`cut ${name}`);
        viewers.delete(name);
      },
    });
  }

  /** What was done at a look, and by timers since the last. */
  function look(): string[] {
    sanctions.apply(new Set(viewers.values()));
    return log.splice(0);
  }

  it('leave alone whoever has not been stuck for too long', () => {
    viewer('well', new Connection(), undefined);
    viewer('slow', new Connection(), 0);
    clock.advance(stuckMs);
    assert.deepEqual(look(), []);
  });

  it('cut who has a connection for itself, or none any more', () => {
    viewer('alone', new Connection(), 0);
    viewer('gone', undefined, 0);
    clock.advance(stuckMs + 1);
    assert.deepEqual(look(), ['cut alone', 'cut gone']);
    assert.equal(clock.pending, 0);
  });

  it('reset who shares one, and cut nobody whose peer shows that it has taken that', () => {
    const pool = new Connection();
    viewer('stuck', pool, 0);
    viewer('well', pool, undefined);
    clock.advance(stuckMs + 1);
    assert.deepEqual(look(), ['reset stuck']);
    pool.answer();
    clock.advance(10 * stuckMs);
    assert.deepEqual(look(), []);
    assert.equal(pool.listenerCount('close'), 0);
  });

  it('cut a connection whose peer does not', () => {
    const deaf = new Connection();
    viewer('stuck', deaf, 0);
    viewer('other', deaf, undefined);
    clock.advance(stuckMs + 1);
    assert.deepEqual(look(), ['reset stuck']);
    clock.advance(stuckMs);
    assert.deepEqual(look(), ['cut stuck']);
  });

  it('want no proof of a connection that has ended', () => {
    const pool = new Connection();
    viewer('stuck', pool, 0);
    viewer('other', pool, undefined);
    clock.advance(stuckMs + 1);
    look();
    pool.emit('close');
    assert.equal(clock.pending, 0);
  });

  it('begin with the first of those that are stuck on a connection, and give the others as long again to move', () => {
    const pool = new Connection();
    viewer('later', pool, 20);
    viewer('first', pool, 10);
    viewer('last', pool, 30);
    viewer('well', pool, undefined);
    clock.advance(stuckMs + 100);
    assert.deepEqual(look(), ['reset first']);
    pool.answer();
    clock.advance(stuckMs);
    assert.deepEqual(look(), []);
    clock.advance(1);
    assert.deepEqual(look(), ['reset later', 'reset last']);
    pool.answer();
    viewer('another', pool, clock.monotonicMs());
    viewer('one more', pool, clock.monotonicMs());
    clock.advance(3 * stuckMs);
    assert.deepEqual(look(), ['reset another']);
  });
});
