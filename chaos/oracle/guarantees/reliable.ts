import type { Fault } from '../history-account.ts';
import { HistoryAccount } from '../history-account.ts';
import type { Place, RoomEvent, ViewerPlace } from '../history.ts';
import type { RoomTrack } from '../room-track.ts';
import type { RuleContext, RuleFactory } from '../rule.ts';

type MessageEvent = Extract<RoomEvent, { kind: 'message' }>;

/**
 * Reliable: every acknowledged message after a viewer's first place, and not after its last, is delivered, unless a gap
 * or reset announced before covers it (`lost`). The last place is the greatest of what was delivered, what was told
 * (joined, caught up, the cursor at the end, a stored cursor) and the room's final head, so that a viewer
 * that stops short is found too. Every delivered message's `prevSeq` was delivered or lies before the viewer's place
 * (`silent-gap`): this also finds skipped messages of which no acknowledgement is recorded. An acknowledged
 * message comes as itself (`altered`), and nothing comes that nobody published (`phantom`). Gaps and resets are
 * announced only where something had happened that makes them (`signalled-gap`, `signalled-reset`), a gap covers nothing
 * that the stream held all the time, and a reset skips nothing: what the other stream holds is due from its beginning, and what
 * the other history of the same one holds from where the viewer stood, if not from before (`lost`).
 *
 * A rewind gives a stream another history. Between two resets a viewer follows one history, whichever it is: it may be
 * told late of a new one, and not at all if nothing that it had is lost. In the end it is the present one. What came right
 * before the reset that tells of a rewind may be of either. Who stood at an `ambiguous` place may go on in another history
 * unnoticed, and is then not told of what that has let go of in between.
 */
export const reliable: RuleFactory = (context) => {
  const rooms = new Map<string, RoomAccount>();
  return {
    onRoomEvent(event, track) {
      let account = rooms.get(event.room);
      if (account === undefined) rooms.set(event.room, (account = new RoomAccount(event.room, context)));
      account.see(event, track);
    },
    finish(tracks) {
      for (const [room, account] of rooms) account.finish(tracks.get(room));
    },
  };
};

/** What one viewer has had of what it should have had in one room. */
class RoomAccount {
  readonly #room: string;
  readonly #context: RuleContext;
  /** Since the viewer was last told of another history: one account for each history of its stream, oldest first. */
  #accounts: readonly HistoryAccount[] = [];
  #epoch = '';
  /** What is due behind the place where the viewer stands. */
  #due: 'all' | 'kept' = 'all';
  /** Predecessors that were named and had not come, with the message that named them. They may still come. */
  readonly #holes = new Map<number, MessageEvent>();

  constructor(room: string, context: RuleContext) {
    this.#room = room;
    this.#context = context;
  }

  see(event: RoomEvent, track: RoomTrack): void {
    const { place } = track;
    switch (event.kind) {
      case 'joined':
      case 'caught-up':
        this.#pass(place, event, event.atMs);
        this.#turnAt(event, event.atMs);
        return;
      case 'message':
        this.#deliver(event, track);
        return;
      case 'gap':
        this.#skip(event, place);
        return;
      case 'reset':
        this.#reset(event, place);
        return;
      case 'end':
        this.#pass(place, event.cursor, event.atMs);
        return;
      case 'restart':
        this.#restart(event, place);
        return;
      case 'ephemeral':
      case 'dropped':
      case 'retrying':
        return;
    }
  }

  /** The viewer's run is over: it should have come as far as the final head. */
  finish(track: RoomTrack | undefined): void {
    const finalHead = this.#context.finalHeads?.get(this.#room);
    if (track?.place !== undefined && finalHead !== undefined) {
      const sameEpoch = finalHead.epoch === track.place.epoch;
      if (!sameEpoch) this.#close(Infinity);
      this.#pass(sameEpoch ? track.place : { epoch: finalHead.epoch, seq: 0 }, finalHead, track.lastMs);
      // Everybody had the time to notice.
      this.#accounts = this.#accounts.slice(-1);
    }
    this.#close(Infinity);
  }

  #deliver(event: MessageEvent, track: RoomTrack): void {
    const { place } = track;
    const { epoch, seq, prevSeq, atMs } = event;
    if (place?.epoch !== epoch || track.had(seq)) return;
    this.#pass(place, { epoch, seq: seq - 1 }, atMs);
    for (const account of this.#accountsIn(epoch)) account.deliver(event);
    this.#turnAt(event, atMs);
    this.#holes.delete(seq);
    if (prevSeq > place.seq) this.#holes.set(prevSeq, event);
    else this.#context.tally.checks += 1;
    this.#context.tally.checks += 1;
  }

  #skip(event: Extract<RoomEvent, { kind: 'gap' }>, place: Place | undefined): void {
    const { after, next, atMs, expected } = event;
    if (place !== undefined) {
      this.#pass(place, { epoch: place.epoch, seq: after }, atMs);
      for (const account of this.#accountsIn(place.epoch)) account.pass(after, next - 1, atMs, 'kept');
      this.#turnAt({ epoch: place.epoch, seq: next - 1, ambiguous: true }, atMs);
    }
    const detail = `gap from ${after} to ${next} was not to be expected`;
    this.#check(expected, { kind: 'signalled-gap', seq: next, atMs, detail });
  }

  #reset(event: Extract<RoomEvent, { kind: 'reset' }>, place: Place | undefined): void {
    const { epoch, seq, atMs, expected } = event;
    const rewound = place?.epoch === epoch;
    if (rewound) this.#closeRewound(atMs);
    else this.#close(atMs);
    const detail = `reset to ${seq} was not to be expected`;
    this.#check(expected, { kind: 'signalled-reset', seq, atMs, detail });
    this.#due = 'all';
    if (place === undefined) return;
    this.#pass({ epoch, seq: rewound ? place.seq : 0 }, event, atMs);
    // A rewind is not to the history that the stream began with.
    this.#closeAccounts(atMs, rewound ? 1 : 0);
  }

  /** The viewer's place moves: acknowledged messages on the way that have not come are missing. */
  #pass(from: Place | undefined, to: Place | undefined, atMs: number): void {
    if (to === undefined || from?.epoch !== to.epoch) return;
    for (const account of this.#accountsIn(to.epoch)) account.pass(from.seq, to.seq, atMs, this.#due);
  }

  /** An ambiguous place may be of any history: what comes from there on is looked at by itself. */
  #turnAt({ epoch, ambiguous }: ViewerPlace, atMs: number): void {
    const turning = ambiguous === true && this.#accountsIn(epoch).length > 1;
    if (turning) this.#closeAccounts(atMs);
    this.#due = turning ? 'kept' : 'all';
  }

  #accountsIn(epoch: string): readonly HistoryAccount[] {
    if (this.#accounts.length === 0 || this.#epoch !== epoch) {
      const { published } = this.#context;
      const mayExist = (id: string): boolean => published.mayExist(this.#room, id);
      this.#epoch = epoch;
      this.#accounts = published
        .histories(this.#room, epoch)
        .map((history) => new HistoryAccount(history, mayExist));
    }
    return this.#accounts;
  }

  /** What is missing now stays missing. */
  #close(atMs: number): void {
    this.#closeAccounts(atMs);
    this.#closeHoles();
  }

  /** @param first the oldest history that it may have been */
  #closeAccounts(atMs: number, first = 0): void {
    const faults = this.#take(atMs).slice(first);
    const least = faults.reduce((best, each) => (each.length <= best.length ? each : best), faults[0] ?? []);
    for (const fault of least) this.#check(false, fault);
  }

  /** As {@link close}, for who is told of a rewind: what it had lately may be of the history before and of the one after. */
  #closeRewound(atMs: number): void {
    const [first = [], ...others] = this.#take(atMs);
    for (const fault of first) {
      if (others.every((faults) => faults.some(({ seq }) => seq === fault.seq))) this.#check(false, fault);
    }
    this.#closeHoles();
  }

  /** What is wrong by each history that there was by then. */
  #take(atMs: number): Fault[][] {
    const there = this.#context.published.historiesUntil(this.#epoch, atMs);
    const faults = this.#accounts.slice(0, there).map((account) => account.faults);
    this.#accounts = [];
    return faults;
  }

  #closeHoles(): void {
    for (const [prevSeq, { seq, atMs }] of this.#holes) {
      const detail = `follows ${prevSeq}, which never came`;
      this.#check(false, { kind: 'silent-gap', seq, atMs, detail });
    }
    this.#holes.clear();
  }

  /** What lies after the stored cursor is due again. */
  #restart(event: Extract<RoomEvent, { kind: 'restart' }>, place: Place | undefined): void {
    const { how, cursor, atMs } = event;
    if (cursor === undefined || (how === 'killed' && this.#isBeforeRewind(cursor, place))) {
      this.#close(atMs);
      return;
    }
    this.#pass(place, cursor, atMs);
    for (const account of this.#accounts) account.forgetAfter(cursor.seq);
    for (const [prevSeq, { seq }] of this.#holes) if (seq > cursor.seq) this.#holes.delete(prevSeq);
  }

  /** Killed before it had stored that it was told of a rewind, a viewer has yet to be told. */
  #isBeforeRewind(cursor: Place, place: Place | undefined): boolean {
    const ahead = place?.epoch === cursor.epoch && place.seq < cursor.seq;
    return ahead && this.#accountsIn(cursor.epoch).length > 1;
  }

  #check(holds: boolean, fault: Fault): void {
    const { tally, viewer } = this.#context;
    tally.check(holds, () => ({ viewer, room: this.#room, ...fault }));
  }
}
