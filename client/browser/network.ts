import type { Network, Socket, SocketHandlers } from '../transports/websocket/socket.ts';

/** What RFC 6455 has for a connection that ended without a goodbye, or never came to be. */
const ABNORMAL = 1006;

/** The browser's own WebSocket. It shows of a message nothing until that is complete, and of a failure nothing at all. */
class BrowserSocket implements Socket {
  readonly wholeMessagesOnly = true;
  bytesReceived = 0;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket, handlers: SocketHandlers) {
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => handlers.open();
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (typeof data === 'string') {
        handlers.message(data);
        return;
      }
      this.bytesReceived += data.byteLength;
      handlers.message(new Uint8Array(data));
    };
    socket.onclose = ({ code, reason }) => handlers.close(code, reason);
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    this.#socket.send(bytes);
  }

  /** The goodbye to a dead peer takes the browser its time; the page has no other means, and nothing to wait for. */
  destroy(): void {
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}

/** A connection that the browser does not even begin, such as one without TLS from a page that has it. */
function refused(error: unknown, handlers: SocketHandlers): Socket {
  const reason = error instanceof Error ? error.message : String(error);
  const timer = setTimeout(() => handlers.close(ABNORMAL, reason));
  return {
    wholeMessagesOnly: true,
    bytesReceived: 0,
    send: () => undefined,
    destroy: () => clearTimeout(timer),
  };
}

async function inflate(bytes: Uint8Array, limit: number): Promise<Uint8Array> {
  const inflated = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream('deflate-raw'));
  const reader = inflated.getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    parts.push(next.value);
    length += next.value.length;
    if (length <= limit) continue;
    void reader.cancel();
    throw new RangeError(`it inflates to more than ${limit} bytes`);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/**
 * What the browser has of its own.
 * @param SocketClass what WebSockets are made of
 */
export function browserNetwork(SocketClass: typeof WebSocket): Network {
  return {
    connect(url, protocol, handlers) {
      try {
        return new BrowserSocket(new SocketClass(url, protocol), handlers);
      } catch (error) {
        return refused(error, handlers);
      }
    },
    fetch: (url, request) => fetch(url, request),
    inflate,
  };
}
