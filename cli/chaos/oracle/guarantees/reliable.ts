import type { Place, RoomEvent } from '../history.ts';
import type { PublishedRoom } from '../published.ts';
import type { RoomTrack } from '../room-track.ts';
import type { RuleContext, RuleFactory } from '../rule.ts';
import type { Violation } from '../verdict.ts';

type MessageEvent = Extract<RoomEvent, { kind: 'message' }>;

/**
 * Reliable: every acknowledged message after a viewer's first place, and not after its last, is delivered, unless a gap
 * or reset announced before covers it (`lost`). The last place is the greatest of what was delivered, what was told
 * (joined, caught up, the cursor at the end, a stored cursor) and the room's settled head, so that a viewer
 * that stops short is found too. Every delivered message's `prevSeq` was delivered or lies before the viewer's place
 * (`silent-gap`): this also finds skipped messages of which no acknowledgement is recorded. An acknowledged
 * message comes as itself (`altered`), and nothing comes that nobody published (`phantom`). Gaps and resets are
 * announced only where something had happened that makes them (`signalled-gap`, `signalled-reset`).
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
  private readonly room: string;
  private readonly context: RuleContext;
  /** Acknowledged messages that were passed over, and when. They may still come, late. */
  private readonly missing = new Map<number, number>();
  /** Predecessors that were named and had not come, with the message that named them. They may still come. */
  private readonly holes = new Map<number, MessageEvent>();
  private guess = 0;

  constructor(room: string, context: RuleContext) {
    this.room = room;
    this.context = context;
  }

  see(event: RoomEvent, track: RoomTrack): void {
    const { place } = track;
    switch (event.kind) {
      case 'joined':
      case 'caughtUp':
        this.pass(place, event, event.atMs);
        return;
      case 'message':
        this.deliver(event, track);
        return;
      case 'gap':
        if (place !== undefined) this.pass(place, { epoch: place.epoch, seq: event.after }, event.atMs);
        this.judgeSignal(event, 'signalled-gap', event.next, `gap from ${event.after} to ${event.next}`);
        return;
      case 'reset':
        this.close();
        this.judgeSignal(event, 'signalled-reset', event.seq, `reset to ${event.seq}`);
        return;
      case 'end':
        this.pass(place, event.cursor, event.atMs);
        return;
      case 'restart':
        this.restart(event.cursor, place, event.atMs);
        return;
      case 'ephemeral':
      case 'dropped':
      case 'retrying':
        return;
    }
  }

  /** The viewer's run is over: it should have come as far as the settled head. */
  finish(track: RoomTrack | undefined): void {
    const settled = this.context.settled?.get(this.room);
    if (track?.place !== undefined && settled !== undefined) {
      const sameEpoch = settled.epoch === track.place.epoch;
      this.pass(sameEpoch ? track.place : { epoch: settled.epoch, seq: 0 }, settled, track.lastMs);
    }
    this.close();
  }

  private deliver(event: MessageEvent, track: RoomTrack): void {
    const { place } = track;
    const { epoch, seq, prevSeq, atMs } = event;
    if (place?.epoch !== epoch || track.had(seq)) return;
    this.pass(place, { epoch, seq: seq - 1 }, atMs);
    this.missing.delete(seq);
    this.holes.delete(seq);
    if (prevSeq > place.seq) this.holes.set(prevSeq, event);
    else this.context.tally.checks += 1;
    this.identify(event, this.context.published.in(this.room, epoch));
  }

  /** Checks that the message is the one that was published under its sequence. */
  private identify({ seq, id, atMs }: MessageEvent, published: PublishedRoom): void {
    this.guess = published.indexAfter(seq - 1, this.guess);
    const { tally } = this.context;
    const message = published.messages[this.guess];
    if (message?.seq === seq) {
      const same = message.id === id || message.id === '';
      tally.check(same, () => this.violation('altered', seq, atMs, `"${message.id}" came as "${id}"`));
    } else {
      const possible = this.context.published.mayExist(this.room, id);
      tally.check(possible, () => this.violation('phantom', seq, atMs, `nobody published "${id}"`));
    }
  }

  private judgeSignal(
    event: Extract<RoomEvent, { kind: 'gap' | 'reset' }>,
    kind: 'signalled-gap' | 'signalled-reset',
    seq: number,
    detail: string,
  ): void {
    const { tally } = this.context;
    tally.check(event.expected, () =>
      this.violation(kind, seq, event.atMs, `${detail} was not to be expected`),
    );
  }

  /** The viewer's place moves: acknowledged messages on the way that have not come are missing. */
  private pass(from: Place | undefined, to: Place | undefined, atMs: number): void {
    if (to === undefined || from?.epoch !== to.epoch || from.seq >= to.seq) return;
    const published = this.context.published.in(this.room, to.epoch);
    this.guess = published.indexAfter(from.seq, this.guess);
    for (let index = this.guess; ; index++) {
      const seq = published.messages[index]?.seq;
      if (seq === undefined || seq > to.seq) return;
      if (!this.missing.has(seq)) this.missing.set(seq, atMs);
    }
  }

  /** What is missing now stays missing. */
  private close(): void {
    const { tally } = this.context;
    for (const [seq, atMs] of this.missing) {
      tally.check(false, () =>
        this.violation('lost', seq, atMs, 'acknowledged, passed over, never delivered'),
      );
    }
    for (const [prevSeq, { seq, atMs }] of this.holes) {
      const detail = `follows ${prevSeq}, which never came`;
      tally.check(false, () => this.violation('silent-gap', seq, atMs, detail));
    }
    this.missing.clear();
    this.holes.clear();
  }

  /** What lies after the stored cursor is due again. */
  private restart(cursor: Place | undefined, place: Place | undefined, atMs: number): void {
    if (cursor === undefined) {
      this.close();
      return;
    }
    this.pass(place, cursor, atMs);
    for (const seq of this.missing.keys()) if (seq > cursor.seq) this.missing.delete(seq);
    for (const [prevSeq, { seq }] of this.holes) if (seq > cursor.seq) this.holes.delete(prevSeq);
  }

  private violation(
    kind: Violation['kind'],
    seq: number,
    atMs: number,
    detail: string,
  ): Omit<Violation, 'guarantee'> {
    return { kind, viewer: this.context.viewer, room: this.room, seq, atMs, detail };
  }
}
