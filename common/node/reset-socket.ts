import type { Socket } from 'node:net';

/**
 * Ends a connection with a reset. While a socket's own FIN is on its way Node cannot: libuv refuses, and the socket would
 * never close (https://github.com/libuv/libuv, `uv_tcp_close_reset`). Such a one is closed without; so is one that is not connected
 * yet, with which Node would wait until it is.
 */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.connecting || (socket.writableEnded && !socket.writableFinished)) socket.destroy();
  else socket.resetAndDestroy();
}
