import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReceiverContext } from '../wire/receiver.ts';
import { textFrame, WebSocketReceiver } from '../wire/websocket.ts';
import { httpPublication } from './http-publication.ts';
import type { Peer, StartOptions } from './peer.ts';
import { findProgram, freePort, listening, programInstalled, startProgram } from './processes.ts';

const DEFAULT_HISTORY = 1000;

/** Centrifugo 6: anonymous clients, history and recovery on, so that it promises what can be compared. */
const configuration = (port: number, history: number): object => ({
  http_server: { address: '127.0.0.1', port: String(port) },
  log: { level: 'error' },
  client: { insecure: true },
  http_api: { insecure: true },
  channel: {
    without_namespace: {
      allow_subscribe_for_client: true,
      history_size: history,
      history_ttl: '1h',
      force_recovery: true,
    },
  },
});

/** Replies carry the id of their command; publications are pushes, `{"push":…}`; `{}` is a ping. */
function subscriber(context: ReceiverContext): WebSocketReceiver {
  const command = (id: number, body: object): void =>
    context.send(textFrame(JSON.stringify({ id, ...body })));
  return new WebSocketReceiver(context, {
    path: '/connection/websocket',
    lines: true,
    open: () => command(1, { connect: {} }),
    message(bytes, start, end) {
      const text = bytes.toString('latin1', start, Math.min(start + 12, end));
      if (text.startsWith('{"push"')) return true;
      if (text.startsWith('{}')) context.send(textFrame('{}'));
      else if (text.includes('"error"')) context.fail(bytes.toString('latin1', start, end));
      else if (text.startsWith('{"id":1,')) command(2, { subscribe: { channel: context.room } });
      else if (text.startsWith('{"id":2,')) context.ready();
      return false;
    },
  });
}

export const centrifugo: Peer = {
  name: 'centrifugo',
  installed: () =>
    programInstalled(
      'centrifugo',
      'version',
      'put the binary of Centrifugo 6 on PATH (https://centrifugal.dev)',
    ),
  async start({ directory, history = DEFAULT_HISTORY }: StartOptions) {
    const port = await freePort();
    const file = join(directory, 'centrifugo.json');
    await writeFile(file, JSON.stringify(configuration(port, history)));
    const server = startProgram((await findProgram('centrifugo')) as string, ['--config', file]);
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
      httpPublication(port, (channel, data) => ({
        path: '/api/publish',
        body: JSON.stringify({ channel, data }),
      })),
  },
};
