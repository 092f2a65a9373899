import type { Socket } from 'node:net';
import { resetSocket } from '../../common/node/reset-socket.ts';
import type { Output, Segment } from './segment.ts';

/** The end of a chain: writes to a socket. What comes after the socket's end is thrown away, as a host would. */
export class SocketSink implements Output {
  forwarded = 0;
  readonly #socket: Socket;
  #drained: Promise<void> | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  write(segment: Segment): Promise<void> | undefined {
    switch (segment.kind) {
      case 'bytes':
        return this.#writeBytes(segment.bytes);
      case 'fin':
        this.#socket.end();
        return undefined;
      case 'rst':
        resetSocket(this.#socket);
        return undefined;
    }
  }

  #writeBytes(bytes: Buffer): Promise<void> | undefined {
    if (!this.#socket.writable) return undefined;
    this.forwarded += bytes.length;
    if (this.#socket.write(bytes)) return undefined;
    this.#drained ??= drainOrClose(this.#socket).then(() => (this.#drained = undefined));
    return this.#drained;
  }
}

function drainOrClose(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      socket.removeListener('drain', finish);
      socket.removeListener('close', finish);
      resolve();
    };
    socket.on('drain', finish);
    socket.on('close', finish);
  });
}
