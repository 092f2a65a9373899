/** How often the gateways tell each other what has changed, in milliseconds. */
export const NEWS_MS = 1_000;
/** A gateway that has said nothing for so long is gone, in milliseconds: it misses more than two of its turns. */
const EXPIRY_MS = 3_500;
/** Rooms in one piece of news: some 40 kB at most. */
const MAX_ROOMS = 500;

/** How many viewers rooms have at one gateway. */
export interface ViewerCountNews {
  /** Identity of the gateway process. */
  readonly gateway: string;
  /** Rises by one with each piece, so that a lost one is noticed. */
  readonly n: number;
  /** Whether all rooms that are named neither here nor in the next pieces have none. */
  readonly whole: boolean;
  readonly rooms: readonly (readonly [room: string, viewers: number])[];
}

/** What another gateway has told. */
interface Peer {
  n: number;
  heardMs: number;
  readonly rooms: Map<string, number>;
}

/**
 * How many viewers each room has over all gateways. Each gateway tells the others what has changed with it, once a second and for all rooms
 * together, however many there are: a room in which nobody comes or goes costs nothing. Who has missed something asks for everything.
 */
export class ViewerCounts {
  readonly #gateway: string;
  readonly #here = new Map<string, number>();
  readonly #elsewhere = new Map<string, number>();
  readonly #peers = new Map<string, Peer>();
  /** Rooms whose number has changed here since that was told. */
  #changed = new Set<string>();
  /** When the silent ones were last forgotten. */
  #expiredMs = -Infinity;
  /** Everything is to be told. */
  #asked = true;
  #n = 0;

  /** @param gateway identity of this process among the gateways */
  constructor(gateway: string) {
    this.#gateway = gateway;
  }

  /** Notes how many viewers a room has here. */
  report(room: string, viewers: number): void {
    if ((this.#here.get(room) ?? 0) === viewers) return;
    if (viewers === 0) this.#here.delete(room);
    else this.#here.set(room, viewers);
    this.#changed.add(room);
  }

  /** Viewers of a room over all gateways. */
  total(room: string): number {
    return (this.#here.get(room) ?? 0) + (this.#elsewhere.get(room) ?? 0);
  }

  /** What the others are to be told now: at least a sign of life. */
  news(): ViewerCountNews[] {
    const whole = this.#asked;
    const rooms = whole
      ? [...this.#here]
      : [...this.#changed].map((room) => [room, this.#here.get(room) ?? 0] as const);
    this.#asked = false;
    this.#changed = new Set();
    const pieces: ViewerCountNews[] = [];
    for (let at = 0; at === 0 || at < rooms.length; at += MAX_ROOMS) {
      pieces.push({
        gateway: this.#gateway,
        n: ++this.#n,
        whole: whole && at === 0,
        rooms: rooms.slice(at, at + MAX_ROOMS),
      });
    }
    return pieces;
  }

  /** Everything is told with the next news. */
  tellEverything(): void {
    this.#asked = true;
  }

  /** Notes what another gateway tells, never this one; false when something is missing before it, so that everything has to be asked for. */
  receive({ gateway, n, whole, rooms }: ViewerCountNews, nowMs: number): boolean {
    const known = this.#peers.get(gateway);
    if (!whole && known?.n !== n - 1) {
      // It lives, whatever it has said.
      if (known !== undefined) known.heardMs = nowMs;
      return false;
    }
    if (whole) this.forget(gateway);
    const peer = this.#peers.get(gateway) ?? { n, heardMs: nowMs, rooms: new Map<string, number>() };
    this.#peers.set(gateway, peer);
    peer.n = n;
    peer.heardMs = nowMs;
    for (const [room, viewers] of rooms) this.#note(peer, room, viewers);
    return true;
  }

  /** A gateway is gone, and its viewers with it. */
  forget(gateway: string): void {
    const peer = this.#peers.get(gateway);
    if (peer === undefined) return;
    for (const room of [...peer.rooms.keys()]) this.#note(peer, room, 0);
    this.#peers.delete(gateway);
  }

  /**
   * Forgets the gateways that have not been heard of for too long, and names them. To be called with every turn: when one was
   * late, it was the event loop of this process that stalled, and what the others have said waits unread.
   */
  expire(nowMs: number): string[] {
    const late = nowMs - this.#expiredMs > 2 * NEWS_MS;
    this.#expiredMs = nowMs;
    if (late) return [];
    const silent = [...this.#peers].filter(([, { heardMs }]) => nowMs - heardMs > EXPIRY_MS);
    const gateways = silent.map(([gateway]) => gateway);
    for (const gateway of gateways) this.forget(gateway);
    return gateways;
  }

  #note({ rooms }: Peer, room: string, viewers: number): void {
    const sum = (this.#elsewhere.get(room) ?? 0) - (rooms.get(room) ?? 0) + viewers;
    if (viewers === 0) rooms.delete(room);
    else rooms.set(room, viewers);
    if (sum === 0) this.#elsewhere.delete(room);
    else this.#elsewhere.set(room, sum);
  }
}
