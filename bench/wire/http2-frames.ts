/** What a client says first (RFC 9113, section 3.4). */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
/** Bytes of a frame's header. */
export const FRAME_HEADER = 9;
export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const FLAG = { ack: 1, endStream: 1, endHeaders: 4 } as const;
export const MAX_WINDOW = 2 ** 31 - 1;
export const SETTING_INITIAL_WINDOW = 4;

export function frame(type: number, flags: number, stream: number, body: Buffer): Buffer {
  const bytes = Buffer.alloc(FRAME_HEADER + body.length);
  bytes.writeUIntBE(body.length, 0, 3);
  bytes.writeUInt8(type, 3);
  bytes.writeUInt8(flags, 4);
  bytes.writeUInt32BE(stream, 5);
  body.copy(bytes, FRAME_HEADER);
  return bytes;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** HPACK: a literal header, not indexed, whose name has `index` in the static table. */
function literal(index: number, value: string): Buffer {
  const name = index < 15 ? [index] : [15, index - 15];
  return Buffer.concat([Buffer.from([...name, value.length]), Buffer.from(value, 'latin1')]);
}

const METHOD_POST = 0x83;
const SCHEME_HTTP = 0x86;
const NAME = { authority: 1, path: 4, contentType: 31 } as const;

/** The header block of a gRPC call. */
export function requestHeaders(path: string, authority: string): Buffer {
  return Buffer.concat([
    Buffer.from([METHOD_POST, SCHEME_HTTP]),
    literal(NAME.path, path),
    literal(NAME.authority, authority),
    literal(NAME.contentType, 'application/grpc'),
    Buffer.from('\x00\x02te\x08trailers', 'latin1'),
  ]);
}
