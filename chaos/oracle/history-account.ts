import type { PublishedMessage, RoomEvent } from './history.ts';
import type { PublishedRoom } from './published.ts';
import type { Violation } from './verdict.ts';

/** A violation without whose it is. */
export type Fault = Pick<Violation, 'kind' | 'atMs' | 'detail'> & { readonly seq: number };

type MessageEvent = Extract<RoomEvent, { kind: 'message' }>;

/** What a viewer has had in a room of what it should have had, if the stream's history is this one. */
export class HistoryAccount {
  readonly #published: PublishedRoom;
  readonly #mayExist: (id: string) => boolean;
  /** Acknowledged messages that were passed over, and when. They may still come, late. */
  readonly #missing = new Map<number, number>();
  /** Messages that came and are not this history's. */
  readonly #strange = new Map<number, Fault>();
  #guess = 0;

  /** @param mayExist whether a message of that identifier may have been stored though that was not acknowledged */
  constructor(published: PublishedRoom, mayExist: (id: string) => boolean) {
    this.#published = published;
    this.#mayExist = mayExist;
  }

  /** The viewer's place moves: acknowledged messages on the way that have not come are missing, of those that are `due`. */
  pass(from: number, to: number, atMs: number, due: 'all' | 'kept' = 'all'): void {
    if (from >= to) return;
    this.#guess = this.#published.indexAfter(from, this.#guess);
    for (let index = this.#guess; ; index++) {
      const message = this.#published.messages[index];
      if (message === undefined || message.seq > to) return;
      if (due === 'kept' && message.kept !== true) continue;
      if (!this.#missing.has(message.seq)) this.#missing.set(message.seq, atMs);
    }
  }

  deliver(event: MessageEvent): void {
    const { seq, atMs } = event;
    this.#missing.delete(seq);
    this.#guess = this.#published.indexAfter(seq - 1, this.#guess);
    const fault = this.#identify(event, this.#published.messages[this.#guess]);
    if (fault !== undefined) this.#strange.set(seq, { seq, atMs, ...fault });
  }

  /** What lies after `seq` is due again. */
  forgetAfter(seq: number): void {
    for (const record of [this.#missing, this.#strange]) {
      for (const known of record.keys()) if (known > seq) record.delete(known);
    }
  }

  /** What is missing now stays missing. */
  get faults(): Fault[] {
    const detail = 'acknowledged, passed over, never delivered';
    const lost = [...this.#missing].map(([seq, atMs]): Fault => ({ kind: 'lost', seq, atMs, detail }));
    return [...this.#strange.values(), ...lost];
  }

  /** What is wrong with a message, if it is not the one that was published under its sequence. */
  #identify(
    { seq, id }: MessageEvent,
    message: PublishedMessage | undefined,
  ): Pick<Fault, 'kind' | 'detail'> | undefined {
    if (message?.seq === seq) {
      if (message.id === id || message.id === '') return undefined;
      return { kind: 'altered', detail: `"${message.id}" came as "${id}"` };
    }
    return this.#mayExist(id) ? undefined : { kind: 'phantom', detail: `nobody published "${id}"` };
  }
}
