import type { Cursor } from './cursor.ts';

/** A cluster, as far as a client knows which it is. */
export interface Cluster {
  /** Identity of the stream behind its gateways, as in cursors; undefined if they do not say (those of revision 1 of the contract). */
  readonly epoch: string | undefined;
  /** The gateways that the client was given, as host:port. */
  readonly servers: readonly string[];
}

/** Any cluster: whatever is kept is asked for. */
export const anyCluster: Cluster = { epoch: undefined, servers: [] };

/** Stands for the gateways of a place of which none are known. */
export const ANY_SERVER = '';

/** The gateways that a place is noted for. */
export function notedServers(servers: readonly string[]): readonly string[] {
  return servers.length === 0 ? [ANY_SERVER] : servers;
}

/**
 * The places that one viewer has in one room: one in each stream that it has been in, and which stream it last found behind each
 * gateway. The latter is for the stream that was created anew: it has no place in that, and must not be taken for a newcomer,
 * who is not told that the history is another one.
 */
export class Places {
  readonly #cursors = new Map<string, Cursor>();
  readonly #behind = new Map<string, string>();

  constructor(
    cursors: Iterable<Cursor> = [],
    behind: Iterable<readonly [server: string, epoch: string]> = [],
  ) {
    for (const cursor of cursors) this.#cursors.set(cursor.epoch, cursor);
    for (const [server, epoch] of behind) this.#behind.set(server, epoch);
  }

  /**
   * The place to bring to a cluster: the one in its stream; else the one in the stream that was last found behind its gateways; else the one of which nobody
   * knows behind which gateways it was. Undefined: nothing was seen of this cluster before.
   */
  find({ epoch, servers }: Cluster): Cursor | undefined {
    if (epoch !== undefined) return this.#cursors.get(epoch) ?? this.#lastBehind(servers);
    // Better one that is answered with a reset than none, which would skip what came since.
    return this.#lastBehind(servers) ?? this.#cursors.values().next().value;
  }

  /** Takes note of a place in the stream behind these gateways. */
  keep(cursor: Cursor, servers: readonly string[]): void {
    this.#cursors.set(cursor.epoch, cursor);
    this.#behind.delete(ANY_SERVER);
    for (const server of notedServers(servers)) this.#behind.set(server, cursor.epoch);
  }

  #lastBehind(servers: readonly string[]): Cursor | undefined {
    for (const server of [...servers, ANY_SERVER]) {
      const cursor = this.#cursors.get(this.#behind.get(server) ?? '');
      if (cursor !== undefined) return cursor;
    }
    return undefined;
  }
}
