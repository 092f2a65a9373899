import { MarkerCounter } from './marker-counter.ts';
import type { Receiver, ReceiverContext } from './receiver.ts';

const NEWLINE = 0x0a;
/** Bytes that end a line of HTTP. */
const LINE_END = 2;
/** More than the line has that says how long a chunk is. */
const LONGEST_SIZE_LINE = 32;

/** A viewer of one room by server-sent events that counts reliable messages. */
export class LiveEventsCounter implements Receiver {
  readonly #context: ReceiverContext;
  readonly #from: string;
  readonly #messages = new MarkerCounter('event: message');
  readonly #caughtUp = new MarkerCounter('event: caught-up');
  #begun = false;
  #ready = false;
  /** Bytes that are still to come of the chunk at hand, its line end included. */
  #left = 0;

  /** @param from where in the room it begins, as addresses have it */
  constructor(context: ReceiverContext, from: 'live' | 'earliest') {
    this.#context = context;
    this.#from = from;
  }

  greet(): void {
    const { room, authority } = this.#context;
    this.#context.send(
      `GET /v1/rooms/${room}/events?from=${this.#from} HTTP/1.1\r\nHost: ${authority}\r\nAccept: text/event-stream\r\n\r\n`,
    );
  }

  receive(bytes: Buffer, start: number, end: number): number {
    if (this.#begun) return this.#receiveChunks(bytes, start, end);
    const length = bytes.subarray(start, end).indexOf('\r\n\r\n');
    if (length < 0) return start;
    const head = bytes.toString('latin1', start, start + length);
    if (!head.startsWith('HTTP/1.1 200')) this.#context.fail(`no events: ${head.split('\r\n')[0]}`);
    this.#begun = true;
    return this.#receiveChunks(bytes, start + length + 4, end);
  }

  #receiveChunks(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      if (this.#left > 0) {
        const upto = Math.min(at + this.#left, end);
        // The line end behind a chunk is none of its bytes.
        this.#receiveEvents(bytes, at, Math.min(upto, at + this.#left - LINE_END));
        this.#left -= upto - at;
        at = upto;
        continue;
      }
      const line = bytes.subarray(at, Math.min(at + LONGEST_SIZE_LINE, end)).indexOf(NEWLINE);
      if (line < 0) break;
      const lineEnd = at + line;
      const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
      if (!(size > 0)) this.#context.fail('the gateway has ended the events');
      this.#left = size + LINE_END;
      at = lineEnd + 1;
    }
    return at;
  }

  #receiveEvents(bytes: Buffer, start: number, end: number): void {
    if (end <= start) return;
    const messages = this.#messages.count(bytes, start, end);
    if (messages > 0) this.#context.count(messages);
    if (this.#ready || this.#caughtUp.count(bytes, start, end) === 0) return;
    this.#ready = true;
    this.#context.ready();
  }
}
