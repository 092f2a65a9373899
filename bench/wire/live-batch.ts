const WIRE_TYPE = { varint: 0, len: 2, fixed32: 5 } as const;
const BATCH_RELIABLE = 2;
const MESSAGE = { seq: 1, prevSeq: 2, fingerprint: 3 } as const;

/** What of a reliable message tells where it stands. */
export interface Place {
  readonly seq: number;
  readonly prevSeq: number;
  readonly fingerprint: number;
}

/** Reads protobuf as far as the bench needs it. */
class Reader {
  readonly #bytes: Buffer;
  #at: number;
  readonly end: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.end = end;
  }

  get done(): boolean {
    return this.#at >= this.end;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#bytes[this.#at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  fixed32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32LE(this.#at - 4);
  }

  /** The bytes of a length-delimited field. */
  inner(): Reader {
    const length = this.varint();
    this.#at += length;
    return new Reader(this.#bytes, this.#at - length, this.#at);
  }

  skip(wireType: number): void {
    if (wireType === WIRE_TYPE.varint) this.varint();
    else if (wireType === WIRE_TYPE.fixed32) this.#at += 4;
    else this.inner();
  }
}

/** The places of the reliable messages in an encoded `ServerFrame{batch}`. */
export function* readBatch(frame: Buffer): Generator<Place> {
  const outer = new Reader(frame, 0, frame.length);
  outer.varint();
  const batch = outer.inner();
  while (!batch.done) {
    const tag = batch.varint();
    if (tag >>> 3 === BATCH_RELIABLE) yield readPlace(batch.inner());
    else batch.skip(tag & 7);
  }
}

/** The fields wanted are the first: the rest is not looked at. */
function readPlace(message: Reader): Place {
  let [seq, prevSeq, fingerprint] = [0, 0, 0];
  while (!message.done) {
    const tag = message.varint();
    const field = tag >>> 3;
    if (field === MESSAGE.seq) seq = message.varint();
    else if (field === MESSAGE.prevSeq) prevSeq = message.varint();
    else if (field === MESSAGE.fingerprint) fingerprint = message.fixed32();
    else break;
  }
  return { seq, prevSeq, fingerprint };
}
