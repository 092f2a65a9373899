import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { ReceiverContext } from '../wire/receiver.ts';
import { textFrame, WebSocketReceiver } from '../wire/websocket.ts';
import type { Peer } from './peer.ts';
import { freePort, listening, startProgram } from './processes.ts';
import { rawPublication } from './raw-publication.ts';

const SERVER = fileURLToPath(new URL('../servers/socket-io.ts', import.meta.url));
const PATH = '/socket.io/?EIO=4&transport=websocket';

/** Packets of Engine.IO, the first two letters of which name those of Socket.IO inside. */
const PACKET = { open: '0', ping: '2', pong: '3', message: '4', connect: '40', event: '42' } as const;

function subscriber(context: ReceiverContext): WebSocketReceiver {
  return new WebSocketReceiver(context, {
    path: `${PATH}&room=${context.room}`,
    open: () => undefined,
    message(bytes, start) {
      const kind = bytes.toString('latin1', start, start + 2);
      if (kind === PACKET.event) return true;
      if (kind === PACKET.connect) context.ready();
      else if (kind.startsWith(PACKET.open)) context.send(textFrame(PACKET.connect));
      else if (kind.startsWith(PACKET.ping)) context.send(textFrame(PACKET.pong));
      return false;
    },
  });
}

export const socketIo: Peer = {
  name: 'socket.io',
  async installed() {
    try {
      const { version } = createRequire(import.meta.url)('socket.io/package.json') as { version: string };
      return { kind: 'installed', version };
    } catch {
      return { kind: 'missing', install: 'npm ci' };
    }
  },
  async start() {
    const port = await freePort();
    const server = startProgram(process.execPath, [...process.execArgv, SERVER, String(port)], {
      env: { ...process.env, NODE_ENV: 'production' },
    });
    await listening(port);
    return {
      subscribePort: port,
      publishPorts: { natural: port },
      pids: [server.pid],
      stop: () => server.stop(),
    };
  },
  subscriber,
  publish: {
    natural: (port) =>
      rawPublication(port, subscriber, (room, payload) =>
        textFrame(`${PACKET.event}["publish","${room}","${payload}"]`),
      ),
  },
};
