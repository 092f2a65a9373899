/** A varint of a whole number below 2^53 takes at most this many bytes. */
const LONGEST = 8;

/** Writes whole numbers as varints into one buffer of a fixed size, again and again. */
export class ByteWriter {
  readonly #bytes: Buffer;
  #length = 0;

  /** @param size bytes that may be written between two `take`s */
  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafeSlow(size + LONGEST);
  }

  get length(): number {
    return this.#length;
  }

  /** A whole number from 0 to 2^53 - 1: seven bits a byte, the lowest first. */
  unsigned(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  /** A whole number of at most 53 bits: the first byte holds six bits and the sign. */
  signed(value: number): void {
    const magnitude = Math.abs(value);
    const sign = value < 0 ? 0x40 : 0;
    const more = magnitude >= 0x40;
    this.#bytes[this.#length++] = (magnitude % 0x40) | sign | (more ? 0x80 : 0);
    if (more) this.unsigned(Math.floor(magnitude / 0x40));
  }

  /** A copy of what was written since the last time. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    return taken;
  }
}

/** Reads what a `ByteWriter` wrote. */
export class ByteReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#offset >= this.#bytes.length;
  }

  unsigned(): number {
    let value = 0;
    for (let unit = 1; ; unit *= 0x80) {
      const byte = this.#next();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
  }

  signed(): number {
    const first = this.#next();
    const magnitude = (first & 0x3f) + (first & 0x80 ? this.unsigned() * 0x40 : 0);
    return first & 0x40 ? -magnitude : magnitude;
  }

  #next(): number {
    const byte = this.#bytes[this.#offset++];
    if (byte === undefined) throw new RangeError('a chunk of events ends in the middle of a number');
    return byte;
  }
}
