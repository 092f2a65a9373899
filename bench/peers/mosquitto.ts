import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MqttCounter, publishPacket } from '../wire/mqtt.ts';
import type { Peer } from './peer.ts';
import { findProgram, freePort, listening, programInstalled, startProgram } from './processes.ts';
import { rawPublication } from './raw-publication.ts';

/** MQTT 3.1.1, QoS 0. Without limits to queues, so that a subscriber that falls behind loses nothing. */
const configuration = (port: number): string => `
listener ${port} 127.0.0.1
allow_anonymous true
persistence false
log_type error
set_tcp_nodelay true
max_queued_messages 0
`;

export const mosquitto: Peer = {
  name: 'mosquitto',
  installed: () =>
    programInstalled('mosquitto', '-h', 'sudo apt-get install --no-install-recommends mosquitto'),
  async start({ directory }) {
    const port = await freePort();
    const file = join(directory, 'mosquitto.conf');
    await writeFile(file, configuration(port));
    const server = startProgram((await findProgram('mosquitto')) as string, ['-c', file]);
    await listening(port);
    return {
      subscribePort: port,
      publishPorts: { natural: port },
      pids: [server.pid],
      stop: () => server.stop(),
    };
  },
  subscriber: (context) => new MqttCounter(context),
  publish: {
    natural: (port) =>
      rawPublication(
        port,
        (context) => new MqttCounter(context),
        (room, payload) => publishPacket(room, Buffer.from(payload, 'latin1')),
      ),
  },
};
