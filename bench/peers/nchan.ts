import { readFileSync } from 'node:fs';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { userInfo } from 'node:os';
import type { ReceiverContext } from '../wire/receiver.ts';
import { WebSocketReceiver } from '../wire/websocket.ts';
import { httpPublication } from './http-publication.ts';
import type { Peer } from './peer.ts';
import { findProgram, freePort, listening, programInstalled, startProgram } from './processes.ts';

const MODULE = '/usr/lib/nginx/modules/ngx_nchan_module.so';
const INSTALL = 'sudo apt-get install --no-install-recommends nginx-light libnginx-mod-nchan';
const DEFAULT_HISTORY = 1000;

const configuration = (directory: string, port: number, history: number): string => `
load_module ${MODULE};
${userInfo().username === 'root' ? 'user root;' : ''}
daemon off;
worker_processes auto;
worker_rlimit_nofile 20000;
pid ${directory}/nginx.pid;
error_log stderr crit;
events { worker_connections 15000; }
http {
  access_log off;
  nchan_shared_memory_size 512M;
  client_body_temp_path ${directory}/temp; proxy_temp_path ${directory}/temp;
  fastcgi_temp_path ${directory}/temp; scgi_temp_path ${directory}/temp; uwsgi_temp_path ${directory}/temp;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    keepalive_requests 100000000;
    location = /publish {
      nchan_publisher http websocket;
      nchan_channel_id $arg_room;
      nchan_message_buffer_length ${history};
      nchan_message_timeout 1h;
    }
    location = /live { nchan_subscriber websocket; nchan_channel_id $arg_room; nchan_subscriber_first_message newest; }
    location = /all { nchan_subscriber websocket; nchan_channel_id $arg_room; nchan_subscriber_first_message oldest; }
  }
}
`;

function subscriber(context: ReceiverContext, location: string): WebSocketReceiver {
  return new WebSocketReceiver(context, {
    path: `${location}?room=${context.room}`,
    // Nchan does not say when a subscription is in force: the bench sends messages until one has reached everybody.
    open: () => context.ready(),
    message: () => true,
  });
}

export const nchan: Peer = {
  name: 'nchan',
  async installed() {
    const nginx = await programInstalled('nginx', '-v', INSTALL);
    const found = await access(MODULE).then(
      () => true,
      () => false,
    );
    return found ? nginx : { kind: 'missing', install: INSTALL };
  },
  async start({ directory, history = DEFAULT_HISTORY }) {
    const port = await freePort();
    const file = join(directory, 'nginx.conf');
    await mkdir(join(directory, 'temp'));
    await writeFile(file, configuration(directory, port, history));
    const server = startProgram((await findProgram('nginx')) as string, [
      '-p',
      directory,
      '-c',
      file,
      '-e',
      'stderr',
    ]);
    await listening(port);
    return {
      subscribePort: port,
      publishPorts: { natural: port },
      get pids() {
        return [server.pid, ...childrenOf(server.pid)];
      },
      stop: () => server.stop(),
    };
  },
  subscriber: (context) => subscriber(context, '/live'),
  replayer: (context) => subscriber(context, '/all'),
  publish: {
    natural: (port) =>
      httpPublication(port, (room, payload) => ({ path: `/publish?room=${room}`, body: payload })),
  },
};

/** The worker processes. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}
