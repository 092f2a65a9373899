const NEWLINE = 0x0a;
const NOTHING = Buffer.alloc(0);

/** Counts how often a line ends with a text, in a stream that may be cut anywhere. */
export class MarkerCounter {
  /** With the line's end: no beginning of it ends with one. */
  readonly #marker: Buffer;
  /** The end of what came before, where a marker may have begun in it: less than a marker. */
  #tail = NOTHING;

  /** @param text without line ends */
  constructor(text: string) {
    this.#marker = Buffer.from(`${text}\n`);
  }

  /** How often it ends in these bytes. */
  count(bytes: Buffer, start: number, end: number): number {
    if (start === end) return 0;
    const most = this.#marker.length - 1;
    let found = 0;
    if (this.#tail.length > 0)
      found += this.#occurrences(
        Buffer.concat([this.#tail, bytes.subarray(start, Math.min(start + most, end))]),
      );
    found += this.#occurrences(bytes.subarray(start, end));
    if (bytes[end - 1] === NEWLINE) this.#tail = NOTHING;
    else
      this.#tail = Buffer.concat([this.#tail, bytes.subarray(Math.max(start, end - most), end)]).subarray(
        -most,
      );
    return found;
  }

  #occurrences(bytes: Buffer): number {
    const marker = this.#marker;
    let found = 0;
    for (let at = bytes.indexOf(marker); at >= 0; at = bytes.indexOf(marker, at + marker.length)) found++;
    return found;
  }
}
