import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { ClientFrameInput } from '../../protos/live.ts';
import { liveService } from '../../protos/live.ts';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const MAX_WINDOW = 2 ** 31 - 1;
const STREAM = 1;
/** Frame types and flags of RFC 9113. */
const TYPE = { data: 0x0, headers: 0x1, settings: 0x4, windowUpdate: 0x8 };
const END_HEADERS = 0x4;
const INITIAL_WINDOW_SIZE = 0x4;

/**
 * A viewer made of bytes on a socket: it opens all HTTP/2 windows as wide as they go, says what it is told to, and
 * never reads. Only TCP itself holds the gateway back.
 */
export class TcpViewer implements Disposable {
  readonly socket: Socket;

  constructor(address: string, ...frames: ClientFrameInput[]) {
    const [host, port] = address.split(':');
    this.socket = connect(Number(port), host);
    this.socket.on('error', () => undefined);
    this.socket.write(PREFACE);
    this.socket.write(frame(TYPE.settings, 0, 0, settings(INITIAL_WINDOW_SIZE, MAX_WINDOW)));
    this.socket.write(frame(TYPE.windowUpdate, 0, 0, uint32(MAX_WINDOW - 65_535)));
    this.socket.write(frame(TYPE.headers, END_HEADERS, STREAM, callHeaders()));
    for (const message of frames) {
      this.socket.write(
        frame(TYPE.data, 0, STREAM, grpcMessage(liveService.Connect.requestSerialize(message))),
      );
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function settings(identifier: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([0, identifier]), uint32(value)]);
}

/** Each header as a literal that is never indexed (RFC 7541, 6.2.2). */
function callHeaders(): Buffer {
  const headers = {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': liveService.Connect.path,
    ':authority': 'gateway',
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  const literal = (text: string): Buffer => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
  return Buffer.concat(
    Object.entries(headers).flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]),
  );
}

/** A message behind gRPC's prefix. */
export function grpcMessage(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0]), uint32(message.length), message]);
}
