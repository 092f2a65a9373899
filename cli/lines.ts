import type { Readable } from 'node:stream';

/** The longest line that is read, in bytes: NATS stores no message above 64 MiB. */
export const LONGEST_LINE_BYTES = 65 * 1024 * 1024;

/** A line of input, without its end; `too long` if there was more than anybody may keep. */
export type InputLine = Buffer | 'too long';

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * The lines of a stream, as bytes. No more is read than was asked for. Ends early when the signal is aborted.
 * @param longest bytes that a line may have
 */
export async function* readLines(
  input: Readable,
  signal: AbortSignal,
  longest = LONGEST_LINE_BYTES,
): AsyncGenerator<InputLine, void, undefined> {
  const line = new GrowingLine(longest);
  let isFirst = true;
  const finished = (): InputLine => {
    const whole = line.take();
    const text = isFirst && whole !== 'too long' ? withoutMark(whole) : whole;
    isFirst = false;
    return text;
  };
  for await (const chunk of untilAborted(input, signal)) {
    let rest = chunk;
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      line.add(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      yield finished();
      if (signal.aborted) return;
    }
    line.add(rest);
  }
  if (!line.isEmpty) yield finished();
}

/** What there is of a line so far; of one that is too long nothing is kept. */
class GrowingLine {
  readonly #longest: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(longest: number) {
    this.#longest = longest;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  add(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > this.#longest) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  take(): InputLine {
    const whole = this.#bytes > this.#longest ? 'too long' : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    if (whole === 'too long') return whole;
    return whole.at(-1) === CARRIAGE_RETURN ? whole.subarray(0, -1) : whole;
  }
}

function withoutMark(line: Buffer): Buffer {
  return line.subarray(0, 3).equals(byteOrderMark) ? line.subarray(3) : line;
}

/** Ends, instead of failing, when the signal is aborted. */
async function* untilAborted(input: Readable, signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  const stop = (): void => void input.destroy();
  signal.addEventListener('abort', stop);
  try {
    for await (const chunk of input as AsyncIterable<Buffer | string>) {
      yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
