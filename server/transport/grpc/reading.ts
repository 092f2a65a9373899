import type { Socket } from 'node:net';

/*
 * Access: `_handle` of a TCP socket, whose `readStop` and `readStart` begin and end what libuv reads of it. HTTP/2 reads its sockets by these handles, and `pause` of the
 * socket itself does not reach it.
 * If it changes: who sends calls without end costs others more.
 * Instead, once there is one: a way to have an HTTP/2 session read no more for a while.
 */

interface Handle {
  readStart(): void;
  readStop(): void;
}

/** Has a socket's bytes read, or left where they are. A socket that is gone has none. */
export function setReading(socket: Socket | undefined, on: boolean): void {
  const handle = (socket as unknown as { _handle?: Handle | null } | undefined)?._handle;
  if (on) handle?.readStart();
  else handle?.readStop();
}
