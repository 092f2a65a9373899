import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Http2Session } from 'node:http2';
import type { Consumer } from '../../server/session/slow-consumers.ts';
import { Connections } from '../../server/transport/grpc/connections.ts';
import { SlowConsumers } from '../../server/session/slow-consumers.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

const TIMEOUT_MS = 1_000;

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

describe('Isolated: slow consumers', () => {
  let clock: ManualClock;
  let connections: Connections;
  let slowConsumers: SlowConsumers;
  let log: string[];
  let viewers: Map<string, Consumer>;

  beforeEach(() => {
    clock = new ManualClock();
    connections = new Connections();
    slowConsumers = new SlowConsumers(clock, TIMEOUT_MS);
    log = [];
    viewers = new Map();
  });

  function viewer(
    name: string,
    connection: Connection | undefined,
    blockedSinceMs: number | undefined,
  ): void {
    viewers.set(name, {
      connection: connection && connections.of(connection as unknown as Http2Session),
      blockedSinceMs,
      reset() {
        log.push(`reset ${name}`);
        viewers.delete(name);
      },
      terminate() {
        log.push(`terminate ${name}`);
        viewers.delete(name);
      },
    });
  }

  /** What was done at a look, and by timers since the last. */
  function look(): string[] {
    slowConsumers.sweep([new Set(viewers.values())]);
    return log.splice(0);
  }

  it('keep their streams until they have taken nothing for too long', () => {
    viewer('well', new Connection(), undefined);
    viewer('slow', new Connection(), 0);
    clock.advance(TIMEOUT_MS);
    assert.deepEqual(look(), []);
  });

  it('lose a connection that they have for themselves, or that is gone already', () => {
    viewer('alone', new Connection(), 0);
    viewer('gone', undefined, 0);
    clock.advance(TIMEOUT_MS + 1);
    assert.deepEqual(look(), ['terminate alone', 'terminate gone']);
    assert.equal(clock.pending, 0);
  });

  it('lose only their stream where others share the connection, if the peer shows that it has taken that', () => {
    const pool = new Connection();
    viewer('stuck', pool, 0);
    viewer('well', pool, undefined);
    clock.advance(TIMEOUT_MS + 1);
    assert.deepEqual(look(), ['reset stuck']);
    pool.answer();
    clock.advance(10 * TIMEOUT_MS);
    assert.deepEqual(look(), []);
    assert.equal(pool.listenerCount('close'), 0);
  });

  it('lose a shared connection whose peer does not', () => {
    const deaf = new Connection();
    viewer('stuck', deaf, 0);
    viewer('other', deaf, undefined);
    clock.advance(TIMEOUT_MS + 1);
    assert.deepEqual(look(), ['reset stuck']);
    clock.advance(TIMEOUT_MS);
    assert.deepEqual(look(), ['terminate stuck']);
  });

  it('need no proof of a connection that has ended', () => {
    const pool = new Connection();
    viewer('stuck', pool, 0);
    viewer('other', pool, undefined);
    clock.advance(TIMEOUT_MS + 1);
    look();
    pool.emit('close');
    assert.equal(clock.pending, 0);
  });

  it('go one by one: the first on a connection first, and the others have as long again to move', () => {
    const pool = new Connection();
    viewer('later', pool, 20);
    viewer('first', pool, 10);
    viewer('last', pool, 30);
    viewer('well', pool, undefined);
    clock.advance(TIMEOUT_MS + 100);
    assert.deepEqual(look(), ['reset first']);
    pool.answer();
    clock.advance(TIMEOUT_MS);
    assert.deepEqual(look(), []);
    clock.advance(1);
    assert.deepEqual(look(), ['reset later', 'reset last']);
    pool.answer();
    viewer('another', pool, clock.monotonicMs());
    viewer('one more', pool, clock.monotonicMs());
    clock.advance(3 * TIMEOUT_MS);
    assert.deepEqual(look(), ['reset another']);
  });
});
