import type { Receiver, ReceiverContext } from './receiver.ts';

const LINE_END = 0x0a;
const SPACE = 0x20;
const DIGIT_0 = 0x30;
const CRLF = 2;
const FIRST_OF_MSG = 0x4d;

/** A plain subscriber of nats-server; counts MSG lines and hops over their payloads. */
export class NatsCounter implements Receiver {
  readonly #context: ReceiverContext;
  #skip = 0;

  constructor(context: ReceiverContext) {
    this.#context = context;
  }

  greet(): void {
    // The server speaks first.
  }

  receive(bytes: Buffer, start: number, end: number): number {
    let messages = 0;
    let at = start;
    while (at < end) {
      if (this.#skip > 0) {
        const upto = Math.min(at + this.#skip, end);
        this.#skip -= upto - at;
        at = upto;
        continue;
      }
      let lineEnd = at;
      while (lineEnd < end && bytes[lineEnd] !== LINE_END) lineEnd++;
      if (lineEnd === end) break;
      if (bytes[at] === FIRST_OF_MSG) {
        messages++;
        this.#skip = lastNumber(bytes, lineEnd - CRLF) + CRLF;
      } else {
        this.#answer(bytes.toString('latin1', at, lineEnd - 1));
      }
      at = lineEnd + 1;
    }
    if (messages > 0) this.#context.count(messages);
    return at;
  }

  #answer(line: string): void {
    const context = this.#context;
    if (line.startsWith('INFO')) {
      context.send(
        `CONNECT {"verbose":false,"pedantic":false,"lang":"bench"}\r\nSUB ${context.room} 1\r\nPING\r\n`,
      );
    } else if (line === 'PING') context.send('PONG\r\n');
    else if (line === 'PONG') context.ready();
    else if (line.startsWith('-ERR')) context.fail(line);
  }
}

/** The decimal number whose last digit is at `last`. */
function lastNumber(bytes: Buffer, last: number): number {
  let value = 0;
  let scale = 1;
  for (let at = last; bytes[at] !== SPACE; at--) {
    value += ((bytes[at] as number) - DIGIT_0) * scale;
    scale *= 10;
  }
  return value;
}
