import { wireType } from './wire-types.ts';

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Bytes that are no protobuf message. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
}

/** Reads the bytes of a protobuf message. What it gives of them are views. Everything throws a MalformedError where they end too early. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The low 32 bits of a varint, unsigned. */
  uint32(): number {
    let low = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte();
      if (shift < 32) low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return low >>> 0;
    }
    throw new MalformedError('a varint has more than ten bytes');
  }

  /** A varint of up to 64 bits, unsigned: a number if it is surely one. */
  uint64(): number | bigint {
    let small = 0;
    let large = 0n;
    for (let index = 0; index < 10; index += 1) {
      const byte = this.#byte();
      if (index < 7) small += (byte & 0x7f) * 2 ** (7 * index);
      else large |= BigInt(byte & 0x7f) << BigInt(7 * index);
      if (byte < 0x80) return index < 7 ? small : BigInt.asUintN(64, large | BigInt(small));
    }
    throw new MalformedError('a varint has more than ten bytes');
  }

  fixed32(): number {
    const { length } = this.#bytes;
    if (this.#at + 4 > length) throw truncated();
    let value = 0;
    for (let shift = 0; shift < 32; shift += 8) value |= this.#byte() << shift;
    return value >>> 0;
  }

  delimited(): Uint8Array {
    const length = this.uint32();
    const from = this.#at;
    this.#skip(length);
    return this.#bytes.subarray(from, this.#at);
  }

  text(): string {
    return utf8.decode(this.delimited());
  }

  /** Goes past a value that nobody knows. */
  skip(type: number): void {
    if (type === wireType.VARINT) this.uint64();
    else if (type === wireType.FIXED64) this.#skip(8);
    else if (type === wireType.DELIMITED) this.#skip(this.uint32());
    else if (type === wireType.FIXED32) this.#skip(4);
    else throw new MalformedError(`there is no wire type ${type}`);
  }

  #skip(bytes: number): void {
    if (this.#at + bytes > this.#bytes.length) throw truncated();
    this.#at += bytes;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw truncated();
    this.#at += 1;
    return byte;
  }
}

const truncated = (): MalformedError => new MalformedError('the bytes end within a field');
