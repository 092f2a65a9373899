import type { Place, RoomEvent, StateEvent, UpstreamEvent, ViewerEvent } from '../oracle/history.ts';
import { ByteWriter } from './bytes.ts';
import { microsOf } from './micros.ts';
import type { TextCodes } from './texts.ts';

/** What stands at the beginning of an event. The order is part of the format: add at the end. */
export const tags = [
  'state',
  'joined',
  'message',
  'gap',
  'reset',
  'caught-up',
  'ephemeral',
  'ephemeral-aged',
  'dropped',
  'restart',
  'end',
  'retrying',
  'upstream',
] as const;

export type Tag = (typeof tags)[number];

/** Names by their code. The order is part of the format: add at the end. */
export const states = ['idle', 'connecting', 'live', 'suspect', 'moving', 'backoff', 'closed'] as const;
export const outcomes = ['STARTED', 'RESUMED', 'GAP', 'RESET'] as const;
export const endings = ['clean', 'killed'] as const;
export const upstreams = ['OK', 'DEGRADED'] as const;

const tagCodes = Object.fromEntries(tags.map((tag, code) => [tag, code])) as Record<Tag, number>;

/** A chunk is ready to be written from this many bytes: about 1,500 messages. */
const CHUNK_BYTES = 16 * 1024;

/** An event takes less than this. */
const LONGEST_EVENT = 128;

/** A run of one viewer's events. Chunks can be decoded one without the other. */
export interface Chunk {
  readonly fromUs: number;
  readonly toUs: number;
  readonly events: number;
  readonly data: Buffer;
}

/**
 * Packs one viewer's events into chunks; a message takes about ten bytes. Numbers are differences to the event before:
 * times, sequences and the codes of identifiers grow together.
 */
export class EventEncoder {
  readonly #texts: TextCodes;
  readonly #writer = new ByteWriter(CHUNK_BYTES + LONGEST_EVENT);
  #events = 0;
  #fromUs = Infinity;
  #toUs = -Infinity;
  #us = 0;
  #seq = 0;
  #id = 0;

  constructor(texts: TextCodes) {
    this.#texts = texts;
  }

  /** Whether what was appended should be taken now. */
  get full(): boolean {
    return this.#writer.length >= CHUNK_BYTES;
  }

  append(event: ViewerEvent): void {
    this.#events += 1;
    if (event.kind === 'state') this.#state(event);
    else if (event.kind === 'upstream') this.#upstream(event);
    else this.#roomEvent(event);
  }

  /** The events appended since the last time; undefined if there are none. */
  take(): Chunk | undefined {
    if (this.#events === 0) return undefined;
    const chunk = {
      fromUs: this.#fromUs,
      toUs: this.#toUs,
      events: this.#events,
      data: this.#writer.take(),
    };
    this.#events = this.#us = this.#seq = this.#id = 0;
    this.#fromUs = Infinity;
    this.#toUs = -Infinity;
    return chunk;
  }

  #state({ atMs, state }: StateEvent): void {
    this.#begin('state', atMs);
    this.#writer.unsigned(states.indexOf(state));
  }

  #upstream({ atMs, upstream, causes }: UpstreamEvent): void {
    this.#begin('upstream', atMs);
    this.#writer.unsigned(upstreams.indexOf(upstream));
    this.#writer.unsigned(this.#texts.codeOf(causes.join(' ')));
  }

  #roomEvent(event: RoomEvent): void {
    const aged = event.kind === 'ephemeral' && event.ageMs !== undefined;
    this.#begin(aged ? 'ephemeral-aged' : event.kind, event.atMs);
    this.#writer.unsigned(this.#texts.codeOf(event.room));
    this.#fields(event);
  }

  #fields(event: RoomEvent): void {
    switch (event.kind) {
      case 'joined':
        this.#place(event);
        this.#writer.signed(event.head - event.seq);
        this.#writer.unsigned(outcomes.indexOf(event.outcome));
        return;
      case 'message':
        this.#place(event);
        this.#writer.signed(event.prevSeq - event.seq);
        this.#identifier(event.id);
        return;
      case 'gap':
        this.#sequence(event.after);
        this.#writer.signed(event.next - event.after);
        this.#writer.unsigned(Number(event.expected));
        return;
      case 'reset':
        this.#place(event);
        this.#writer.unsigned(Number(event.expected));
        return;
      case 'caught-up':
        this.#place(event);
        return;
      case 'ephemeral':
        if (event.ageMs !== undefined) this.#writer.signed(microsOf(event.ageMs));
        return;
      case 'dropped':
        this.#writer.unsigned(event.count);
        return;
      case 'restart':
        this.#writer.unsigned(endings.indexOf(event.how));
        this.#cursor(event.cursor);
        return;
      case 'end':
        this.#cursor(event.cursor);
        return;
      case 'retrying':
        return;
    }
  }

  #begin(tag: Tag, atMs: number): void {
    const us = microsOf(atMs);
    this.#writer.unsigned(tagCodes[tag]);
    this.#writer.signed(us - this.#us);
    this.#us = us;
    this.#fromUs = Math.min(this.#fromUs, us);
    this.#toUs = Math.max(this.#toUs, us);
  }

  #cursor(cursor: Place | undefined): void {
    this.#writer.unsigned(cursor === undefined ? 0 : 1);
    if (cursor !== undefined) this.#place(cursor);
  }

  #place({ epoch, seq }: Place): void {
    this.#writer.unsigned(this.#texts.codeOf(epoch));
    this.#sequence(seq);
  }

  #sequence(seq: number): void {
    this.#writer.signed(seq - this.#seq);
    this.#seq = seq;
  }

  #identifier(id: string): void {
    const code = this.#texts.codeOf(id);
    this.#writer.signed(code - this.#id);
    this.#id = code;
  }
}
