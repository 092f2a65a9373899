import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';

/** A port on which connections are neither accepted nor refused, as behind a firewall. */
export interface DeafPort extends AsyncDisposable {
  /** host:port */
  readonly address: string;
}

/** Listens without ever accepting; from the moment that the queue is full the kernel answers no more. */
const LISTENER = `
  const { parentPort } = require('node:worker_threads');
  const server = require('node:net').createServer();
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  });
`;

/** The queue holds two, and the kernel may be generous. */
const FILLERS = 8;

/** Makes a deaf port on loopback. */
export async function deafPort(): Promise<DeafPort> {
  const worker = new Worker(LISTENER, { eval: true });
  const [port] = (await once(worker, 'message')) as [number];
  const fillers: Socket[] = [];
  for (let n = 0; n < FILLERS; n += 1) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    fillers.push(socket);
  }
  await Promise.all(fillers.slice(0, 2).map((socket) => once(socket, 'connect')));
  return {
    address: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of fillers) socket.destroy();
      await worker.terminate();
    },
  };
}
