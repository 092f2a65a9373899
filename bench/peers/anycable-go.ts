import type { ReceiverContext } from '../wire/receiver.ts';
import { textFrame, WebSocketReceiver } from '../wire/websocket.ts';
import { httpPublication } from './http-publication.ts';
import type { Peer } from './peer.ts';
import { findProgram, freePort, listening, programInstalled, startProgram } from './processes.ts';

/** Everything that is not a `type` of its own is a message of the stream. */
function subscriber(context: ReceiverContext): WebSocketReceiver {
  const identifier = JSON.stringify({ channel: '$pubsub', stream_name: context.room });
  return new WebSocketReceiver(context, {
    path: '/cable',
    subprotocol: 'actioncable-v1-json',
    open: () => undefined,
    message(bytes, start, end) {
      const kind = /^\{"type":"(\w+)"/.exec(bytes.toString('latin1', start, Math.min(start + 40, end)))?.[1];
      if (kind === undefined) return true;
      if (kind === 'welcome') context.send(textFrame(JSON.stringify({ command: 'subscribe', identifier })));
      else if (kind === 'confirm_subscription') context.ready();
      else if (kind !== 'ping') context.fail(bytes.toString('latin1', start, end));
      return false;
    },
  });
}

/** AnyCable without Rails: public streams, published over HTTP, with the in-memory broker for resumes. */
export const anycableGo: Peer = {
  name: 'anycable-go',
  installed: () =>
    programInstalled(
      'anycable-go',
      '-v',
      'put the binary of anycable-go 1.5 or later on PATH (https://anycable.io)',
    ),
  async start() {
    const [port, publishPort] = [await freePort(), await freePort()];
    const server = startProgram(
      (await findProgram('anycable-go')) as string,
      // prettier-ignore
      [
        '--host', '127.0.0.1', '--port', String(port), '--public', '--norpc', '--broker', 'memory',
        '--broadcast_adapter', 'http', '--http_broadcast_port', String(publishPort), '--log_level', 'error',
      ],
    );
    await listening(publishPort);
    return {
      subscribePort: port,
      publishPorts: { natural: publishPort },
      pids: [server.pid],
      stop: () => server.stop(),
    };
  },
  subscriber,
  publish: {
    natural: (port) =>
      httpPublication(port, (stream, payload) => ({
        path: '/_broadcast',
        body: JSON.stringify({ stream, data: JSON.stringify(payload) }),
      })),
  },
};
