import { connect } from 'nats';
import { findNatsServer } from '../../nats-server/binary.ts';
import { launchNats } from '../../nats-server/process.ts';
import { NatsCounter } from '../wire/nats.ts';
import type { Peer, Publication } from './peer.ts';

/** Publishes with the stock client; with a stream that stores the subject, acknowledged by JetStream. */
export async function natsPublication(port: number, subject: (room: string) => string): Promise<Publication> {
  const nc = await connect({ servers: `127.0.0.1:${port}` });
  const js = nc.jetstream();
  const bytes = (payload: string): Buffer => Buffer.from(payload, 'latin1');
  return {
    send: (room, payload) => nc.publish(subject(room), bytes(payload)),
    flush: () => undefined,
    async acknowledged(room, payload) {
      await js.publish(subject(room), bytes(payload));
    },
    close: () => nc.close(),
  };
}

/** Subscribers of nats-server without anything in between: no replay, no resume. The limit of the engine. */
export const natsCore: Peer = {
  name: 'nats-core',
  async installed() {
    await findNatsServer();
    return { kind: 'installed', version: 'the nats-server that the gateway uses' };
  },
  async start({ directory }) {
    const server = await launchNats({ binary: await findNatsServer(), directory, port: 0 });
    return {
      subscribePort: server.port,
      publishPorts: { natural: server.port },
      pids: [server.pid],
      stop: () => server.stop(),
    };
  },
  subscriber: (context) => new NatsCounter(context),
  publish: { natural: (port) => natsPublication(port, (room) => room) },
};
