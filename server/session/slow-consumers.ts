import type { Http2Session } from 'node:http2';
import type { Clock } from '../../common/clock.ts';

/** One viewer's stream, as far as its end concerns others. */
export interface Sanctioned {
  /** The HTTP/2 connection that the stream is on; undefined if it has gone. */
  readonly connection: Http2Session | undefined;
  /** Since when the viewer takes nothing, on the monotonic clock; undefined if it takes what it is sent. */
  readonly stuckSinceMs: number | undefined;
  /** Ends the stream alone. */
  reset(): void;
  /** Ends the connection, and with it all streams on it. */
  cutOff(): void;
}

/**
 * Ends the streams of viewers that take nothing. A proxy carries many viewers on one connection: who is stuck there loses its own stream,
 * and the others go on. They may have waited for just that, where the proxy's window for the whole connection was full of what one
 * viewer did not read: so of those that are stuck on a connection the first goes first, and the others have as long again to
 * move. A peer that does not show in that time that it has taken the reset loses the connection; and so does a viewer that has it
 * for itself, because a reader that is paused is told of no reset.
 */
export class Sanctions {
  readonly #clock: Clock;
  readonly #stuckMs: number;
  /** When a stream of a connection was last ended, on the monotonic clock. */
  readonly #resets = new WeakMap<Http2Session, number>();

  /** @param stuckMs how long a viewer may take nothing, in milliseconds */
  constructor(clock: Clock, stuckMs: number) {
    this.#clock = clock;
    this.#stuckMs = stuckMs;
  }

  /** Called at every look, with whoever has a stream. */
  apply(viewers: ReadonlySet<Sanctioned>): void {
    const limitMs = this.#clock.monotonicMs() - this.#stuckMs;
    const stuck = byConnection(viewers, ({ stuckSinceMs = Infinity }) => stuckSinceMs < limitMs);
    if (stuck.size === 0) return;
    const all = byConnection(viewers, ({ connection }) => stuck.has(connection));
    for (const [connection, those] of stuck) {
      if (connection === undefined || all.get(connection)?.length === 1)
        for (const viewer of those) viewer.cutOff();
      else this.#reset(connection, those);
    }
  }

  #reset(connection: Http2Session, stuck: readonly Sanctioned[]): void {
    const nowMs = this.#clock.monotonicMs();
    const sinceMs = nowMs - (this.#resets.get(connection) ?? -Infinity);
    if (sinceMs <= this.#stuckMs) return;
    this.#resets.set(connection, nowMs);
    const inOrder = [...stuck].sort((a, b) => (a.stuckSinceMs ?? 0) - (b.stuckSinceMs ?? 0));
    for (const viewer of sinceMs > 2 * this.#stuckMs ? inOrder.slice(0, 1) : inOrder) {
      viewer.reset();
      this.#demandProof(connection, viewer);
    }
  }

  /** What answers a PING has taken what was sent before it. */
  #demandProof(connection: Http2Session, viewer: Sanctioned): void {
    const timer = this.#clock.after(this.#stuckMs, () => viewer.cutOff());
    const proven = (): void => timer.cancel();
    connection.once('close', proven);
    // One more than may wait for their answers is not sent; then those decide.
    const sent = connection.ping((error) => {
      connection.off('close', proven);
      if (error === null) proven();
    });
    if (!sent) proven();
  }
}

function byConnection(
  viewers: Iterable<Sanctioned>,
  chosen: (viewer: Sanctioned) => boolean,
): Map<Http2Session | undefined, Sanctioned[]> {
  const groups = new Map<Http2Session | undefined, Sanctioned[]>();
  for (const viewer of viewers) {
    if (!chosen(viewer)) continue;
    const group = groups.get(viewer.connection);
    if (group === undefined) groups.set(viewer.connection, [viewer]);
    else group.push(viewer);
  }
  return groups;
}
