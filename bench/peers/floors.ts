import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findNatsServer } from '../../nats-server/binary.ts';
import { launchNats } from '../../nats-server/process.ts';
import { NODE_ARGUMENTS } from '../../server/process/node-arguments.ts';
import { liveCounter, liveWebSocketCounter } from '../wire/live-counter.ts';
import { natsPublication } from './nats-core.ts';
import type { Peer } from './peer.ts';
import { freePort, listening, startProgram } from './processes.ts';

/**
 * The platform below the gateway with next to nothing on it, between nats-server and the gateway's own subscribers:
 * what it takes, no gateway on this platform can undercut.
 * @param script the server, in bench/servers/
 * @param counter how its subscribers come
 */
const floor = (
  name: string,
  script: string,
  version: string,
  counter: typeof liveWebSocketCounter,
): Peer => ({
  name,
  async installed() {
    await findNatsServer();
    return { kind: 'installed', version };
  },
  async start({ directory }) {
    const binary = await findNatsServer();
    const nats = await launchNats({ binary, directory: join(directory, 'nats'), port: 0 });
    const port = await freePort();
    const path = fileURLToPath(new URL(`../servers/${script}`, import.meta.url));
    const server = startProgram(process.execPath, [
      ...process.execArgv,
      ...NODE_ARGUMENTS,
      path,
      String(port),
      nats.url,
    ]);
    await listening(port);
    return {
      subscribePort: port,
      publishPorts: { natural: nats.port },
      pids: [server.pid, nats.pid],
      viewerPids: [server.pid],
      async stop() {
        await server.stop();
        await nats.stop();
      },
    };
  },
  subscriber: (context) => counter(context, { live: {} }),
  publish: { natural: (port) => natsPublication(port, (room) => room) },
});

const grpcPackage = createRequire(import.meta.url)('@grpc/grpc-js/package.json') as { version: string };

/** A server of grpc-js that does nothing but write. */
export const grpcJs = floor('grpc-js', 'grpc-js.ts', grpcPackage.version, liveCounter);

/** The same without grpc-js. */
export const nodeHttp2 = floor('node-http2', 'node-http2.ts', process.version, liveCounter);

/** Bare sockets, by WebSocket. */
export const nodeWebSocket = floor(
  'node-websocket',
  'node-websocket.ts',
  process.version,
  liveWebSocketCounter,
);
