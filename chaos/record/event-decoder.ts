import type { Place, RoomEvent, ViewerEvent } from '../oracle/history.ts';
import { ByteReader } from './bytes.ts';
import { endings, outcomes, states, tags, upstreams } from './event-encoder.ts';
import type { Tag } from './event-encoder.ts';
import { msOf } from './micros.ts';
import type { TextOf } from './texts.ts';

/** The events of a chunk, in order. @throws RangeError if it is damaged. */
export function* decodeEvents(data: Buffer, textOf: TextOf): Generator<ViewerEvent, void, undefined> {
  const decoder = new EventDecoder(new ByteReader(data), textOf);
  while (!decoder.atEnd) yield decoder.next();
}

class EventDecoder {
  readonly #reader: ByteReader;
  readonly #textOf: TextOf;
  #us = 0;
  #seq = 0;
  #id = 0;

  constructor(reader: ByteReader, textOf: TextOf) {
    this.#reader = reader;
    this.#textOf = textOf;
  }

  get atEnd(): boolean {
    return this.#reader.atEnd;
  }

  next(): ViewerEvent {
    const tag = this.#oneOf(tags);
    this.#us += this.#reader.signed();
    const atMs = msOf(this.#us);
    if (tag === 'state') return { kind: 'state', atMs, state: this.#oneOf(states) };
    if (tag === 'upstream')
      return { kind: tag, atMs, upstream: this.#oneOf(upstreams), causes: this.#names() };
    return this.#roomEvent(tag, this.#textOf(this.#reader.unsigned()), atMs);
  }

  #roomEvent(tag: Exclude<Tag, 'state' | 'upstream'>, room: string, atMs: number): RoomEvent {
    const reader = this.#reader;
    switch (tag) {
      case 'joined': {
        const place = this.#place();
        const head = place.seq + reader.signed();
        return { kind: tag, room, atMs, ...place, head, outcome: this.#oneOf(outcomes) };
      }
      case 'message': {
        const { epoch, seq } = this.#place();
        const prevSeq = seq + reader.signed();
        return { kind: tag, room, atMs, epoch, seq, prevSeq, id: this.#identifier() };
      }
      case 'gap': {
        const after = this.#sequence();
        const next = after + reader.signed();
        return { kind: tag, room, atMs, after, next, expected: reader.unsigned() === 1 };
      }
      case 'reset':
        return { kind: tag, room, atMs, ...this.#place(), expected: reader.unsigned() === 1 };
      case 'caught-up':
        return { kind: tag, room, atMs, ...this.#place() };
      case 'ephemeral':
        return { kind: tag, room, atMs };
      case 'ephemeral-aged':
        return { kind: 'ephemeral', room, atMs, ageMs: msOf(reader.signed()) };
      case 'dropped':
        return { kind: tag, room, atMs, count: reader.unsigned() };
      case 'restart':
        return { kind: tag, room, atMs, how: this.#oneOf(endings), cursor: this.#cursor() };
      case 'end':
        return { kind: tag, room, atMs, cursor: this.#cursor() };
      case 'retrying':
        return { kind: tag, room, atMs };
    }
  }

  #names(): string[] {
    const names = this.#textOf(this.#reader.unsigned());
    return names === '' ? [] : names.split(' ');
  }

  #cursor(): Place | undefined {
    return this.#reader.unsigned() === 1 ? this.#place() : undefined;
  }

  #place(): Place {
    return { epoch: this.#textOf(this.#reader.unsigned()), seq: this.#sequence() };
  }

  #sequence(): number {
    this.#seq += this.#reader.signed();
    return this.#seq;
  }

  #identifier(): string {
    this.#id += this.#reader.signed();
    return this.#textOf(this.#id);
  }

  #oneOf<T>(names: readonly T[]): T {
    const code = this.#reader.unsigned();
    const name = names[code];
    if (name === undefined) throw new RangeError(`a chunk of events has the unknown code ${code}`);
    return name;
  }
}
