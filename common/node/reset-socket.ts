import type { Socket } from 'node:net';

/**
 * Ends a connection with a reset. While a socket's own FIN is on its way Node cannot: libuv refuses, and the socket would
 * never close (https://github.com/libuv/libuv, `uv_tcp_close_reset`). Such a one is closed without; so is one that is not connected
 * yet, with which Node would wait until it is.
 * @param secured what speaks TLS on it, if that was made of it: its end is the connection's, and the socket itself does not know of it
 */
export function resetSocket(socket: Socket, secured: Socket = socket): void {
  if (socket.destroyed) return;
  if (socket.connecting || isEnding(socket) || isEnding(secured)) socket.destroy();
  else socket.resetAndDestroy();
}

const isEnding = ({ writableEnded, writableFinished }: Socket): boolean => writableEnded && !writableFinished;
