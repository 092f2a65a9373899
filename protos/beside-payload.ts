/**
 * What a ClientFrame or request may have beside the payload of the message to publish, in bytes; all that is valid fits many times. What has more is made to be
 * costly: 4 MiB of small fields take a second to decode, during which everybody waits; a payload of that size takes a millisecond.
 */
export const MAX_BESIDE_PAYLOAD_BYTES = 64 * 1024;

/** Field numbers on the way from a message to the payload in it. */
export type PayloadPath = readonly number[];

/** That of a PublishRequest: payload. */
export const PAYLOAD_OF_REQUEST: PayloadPath = [5];

/** That of a ClientFrame: publish, request, payload. */
export const PAYLOAD_OF_FRAME: PayloadPath = [5, 2, ...PAYLOAD_OF_REQUEST];

/** That of a message that has none. */
export const NO_PAYLOAD: PayloadPath = [];

/** A stretch of bytes. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/** Types of what follows a field's number (Protocol Buffers, Encoding). */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/**
 * Looks at an encoded message before it is decoded. Takes no longer for what is refused.
 * @throws RangeError if it has more than {@link MAX_BESIDE_PAYLOAD_BYTES} beside its payload
 */
export function requireSmallBesidePayload(bytes: Uint8Array, path: PayloadPath): void {
  if (bytes.length <= MAX_BESIDE_PAYLOAD_BYTES) return;
  const payload = path.length === 0 ? undefined : payloadIn(bytes, path);
  const beside = bytes.length - (payload === undefined ? 0 : payload.end - payload.start);
  if (beside <= MAX_BESIDE_PAYLOAD_BYTES) return;
  throw new RangeError(`larger than ${MAX_BESIDE_PAYLOAD_BYTES} bytes beside its payload: ${beside}`);
}

function payloadIn(bytes: Uint8Array, path: PayloadPath): Range | undefined {
  let within: Range | undefined = { start: 0, end: bytes.length };
  for (const field of path) within = within && fieldIn(bytes, within, field);
  return within;
}

/** What the first field of this number holds; undefined if it does not come before the bound, or what is there is no message. */
function fieldIn(bytes: Uint8Array, { start, end }: Range, field: number): Range | undefined {
  const reader = new FieldReader(bytes, start);
  while (reader.at < end && reader.at - start <= MAX_BESIDE_PAYLOAD_BYTES) {
    const tag = reader.varint();
    const type = tag & 7;
    const size = type === LENGTH_DELIMITED ? reader.varint() : 0;
    const begin = reader.at;
    if (!reader.skip(type, size) || reader.at > end) return undefined;
    if (tag >>> 3 === field && type === LENGTH_DELIMITED) return { start: begin, end: reader.at };
  }
  return undefined;
}

class FieldReader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  /** The lower 32 bits of what is here: more is no tag or length of a message that there could be. Past the end there are zeros. */
  varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes[this.at++] ?? 0;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }

  /** Goes behind what a field holds. False: groups, which are none of ours, and what is no type. */
  skip(type: number, size: number): boolean {
    switch (type) {
      case VARINT:
        this.varint();
        return true;
      case FIXED64:
        this.at += 8;
        return true;
      case LENGTH_DELIMITED:
        this.at += size;
        return true;
      case FIXED32:
        this.at += 4;
        return true;
      default:
        return false;
    }
  }
}
