import type { Clock } from '../../common/clock.ts';
import type { CarrierConnection } from './carrier.ts';

/** A viewer's stream, or another call, as far as its end concerns others. */
export interface Consumer {
  /** The connection that the stream is on; undefined if it has gone. */
  readonly connection: CarrierConnection | undefined;
  /** Since when the viewer takes nothing, on the monotonic clock; undefined if it takes what it is sent. */
  readonly blockedSinceMs: number | undefined;
  /** Ends the stream alone. */
  reset(): void;
  /** Ends the connection, and with it all streams on it. */
  terminate(): void;
}

/** What was ended. */
export interface SlowConsumersEnded {
  readonly streams: number;
  readonly connections: number;
}

/**
 * Ends the streams of slow consumers: viewers that take nothing. A proxy carries many viewers on one connection: who is stuck there loses its
 * own stream, and the others go on. They may have waited for just that, where the proxy's window for the whole connection was full of what one
 * viewer did not read: so of those that are stuck on a connection the first goes first, and the others have as long again to
 * move. A peer that does not show in that time that it has taken the reset loses the connection; and so does a viewer that has it
 * for itself, because a reader that is paused is told of no reset.
 */
export class SlowConsumers {
  readonly #ended = { streams: 0, connections: 0 };
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  /** When a stream of a connection was last ended, on the monotonic clock. */
  readonly #resets = new WeakMap<CarrierConnection, number>();

  /** @param timeoutMs how long a viewer may take nothing, in milliseconds */
  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** So far. */
  get ended(): SlowConsumersEnded {
    return this.#ended;
  }

  /** Called at every look, with whoever has a stream, of whatever kind. */
  sweep(consumers: readonly ReadonlySet<Consumer>[]): void {
    const limitMs = this.#clock.monotonicMs() - this.#timeoutMs;
    const slow = byConnection(consumers, ({ blockedSinceMs = Infinity }) => blockedSinceMs < limitMs);
    if (slow.size === 0) return;
    const all = byConnection(consumers, ({ connection }) => slow.has(connection));
    for (const [connection, those] of slow) {
      if (connection === undefined || all.get(connection)?.length === 1)
        for (const consumer of those) this.#terminate(consumer);
      else this.#reset(connection, those);
    }
  }

  #reset(connection: CarrierConnection, slow: readonly Consumer[]): void {
    const nowMs = this.#clock.monotonicMs();
    const sinceMs = nowMs - (this.#resets.get(connection) ?? -Infinity);
    if (sinceMs <= this.#timeoutMs) return;
    this.#resets.set(connection, nowMs);
    const inOrder = [...slow].sort((a, b) => (a.blockedSinceMs ?? 0) - (b.blockedSinceMs ?? 0));
    for (const consumer of sinceMs > 2 * this.#timeoutMs ? inOrder.slice(0, 1) : inOrder) {
      this.#ended.streams++;
      consumer.reset();
      const timer = this.#clock.after(this.#timeoutMs, () => this.#terminate(consumer));
      connection.proveAlive(() => timer.cancel());
    }
  }

  #terminate(consumer: Consumer): void {
    this.#ended.connections++;
    consumer.terminate();
  }
}

function byConnection(
  kinds: readonly ReadonlySet<Consumer>[],
  chosen: (consumer: Consumer) => boolean,
): Map<CarrierConnection | undefined, Consumer[]> {
  const groups = new Map<CarrierConnection | undefined, Consumer[]>();
  for (const consumers of kinds) {
    for (const consumer of consumers) {
      if (!chosen(consumer)) continue;
      const group = groups.get(consumer.connection);
      if (group === undefined) groups.set(consumer.connection, [consumer]);
      else group.push(consumer);
    }
  }
  return groups;
}
