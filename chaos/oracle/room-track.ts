import type { Place, RoomEvent } from './history.ts';

/** Where a viewer stands in a room, and what it has had there since the last reset. */
export class RoomTrack {
  /** Joins since the viewer's process started. */
  joins = 0;
  /** Up to where everything was delivered or excused, as far as the viewer knows; undefined before anything was told. */
  place: Place | undefined;
  /** The sequence last told in words (joined, gap, reset, caught up), not by a message. */
  bookmark = 0;
  /** Highest sequence delivered. */
  last = 0;
  /** When the replay of the last join ended; undefined during it. */
  caughtUpMs: number | undefined;
  /** When the last event came. */
  lastMs = 0;
  readonly #idBySeq = new Map<number, string>();
  readonly #ids = new Set<string>();

  /** Whether a message with this sequence was delivered. */
  had(seq: number): boolean {
    return this.#idBySeq.has(seq);
  }

  /** Whether a message with this identifier was delivered. */
  hadId(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Takes the event into account. */
  apply(event: RoomEvent): void {
    this.lastMs = event.atMs;
    switch (event.kind) {
      case 'joined':
        this.joins += 1;
        this.caughtUpMs = undefined;
        // Gap and Reset, which follow, say where the viewer goes on.
        if (this.place === undefined || event.outcome === 'STARTED' || event.outcome === 'RESUMED')
          this.#tell(event);
        return;
      case 'message':
        this.#deliver(event.seq, event.id);
        return;
      case 'gap':
        this.#tell({ epoch: this.place?.epoch ?? '', seq: event.next - 1 });
        return;
      case 'reset':
        this.#forgetAfter(0);
        this.place = undefined;
        this.bookmark = 0;
        this.#tell(event);
        return;
      case 'caught-up':
        this.caughtUpMs = event.atMs;
        this.#tell(event);
        return;
      case 'restart':
        this.#restart(event.cursor);
        return;
      case 'ephemeral':
      case 'dropped':
      case 'retrying':
      case 'end':
        return;
    }
  }

  #tell({ epoch, seq }: Place): void {
    this.bookmark = Math.max(this.bookmark, seq);
    this.place = { epoch, seq: Math.max(this.place?.seq ?? 0, seq) };
  }

  #deliver(seq: number, id: string): void {
    this.#idBySeq.set(seq, id);
    if (id !== '') this.#ids.add(id);
    this.last = Math.max(this.last, seq);
    if (this.place !== undefined && seq > this.place.seq) this.place = { epoch: this.place.epoch, seq };
  }

  #restart(cursor: Place | undefined): void {
    this.joins = 0;
    this.caughtUpMs = undefined;
    this.place = cursor;
    this.bookmark = cursor?.seq ?? 0;
    this.#forgetAfter(cursor?.seq ?? 0);
  }

  #forgetAfter(seq: number): void {
    for (const [delivered, id] of this.#idBySeq) {
      if (delivered <= seq) continue;
      this.#idBySeq.delete(delivered);
      this.#ids.delete(id);
    }
    this.last = Math.min(this.last, seq);
  }
}
