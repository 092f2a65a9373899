import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { parseAddress } from '../../common/units.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RawStream } from '../helpers/raw-stream.ts';
import { ServerProcess } from '../helpers/server-process.ts';

const EXHAUSTED = /^no more files and sockets can be opened/;

describe('Isolated: a gateway without file descriptors', () => {
  let nats: TestNats;
  let sockets: Socket[];

  before(async () => (nats = await startNats()));
  after(() => nats.stop());
  beforeEach(() => (sockets = []));
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
  });

  /** Connections that say nothing. */
  function dial(address: string, count: number): { readonly closed: number } {
    let closed = 0;
    for (let n = 0; n < count; n++) {
      const socket = connect(parseAddress(address) as { host: string; port: number });
      socket.on('error', () => undefined).on('close', () => closed++);
      socket.resume();
      sockets.push(socket);
    }
    return {
      get closed() {
        return closed;
      },
    };
  }

  it('says so once, serves whom it has, and accepts others when there are some again', async () => {
    await using server = await ServerProcess.start(nats.url, '--metrics', '127.0.0.1:0');
    const address = await server.address();
    const lines = (text: RegExp): number => server.log.filter(({ msg }) => text.test(String(msg))).length;
    const limit = (soft: number): Promise<unknown> =>
      promisify(execFile)('prlimit', ['--pid', String(server.pid), `--nofile=${soft}:`]);
    using viewer = RawStream.hello(address);
    await viewer.next('welcome');
    // Above all that it has: what libuv keeps to close connections with counts by its number.
    const most = Math.max(...(await readdir(`/proc/${server.pid}/fd`)).map(Number)) + 3;
    await limit(most);
    const dialled = dial(address, most + 50);
    await until('some are closed', () => dialled.closed > 20);
    await until('the log says so', () => lines(EXHAUSTED) > 0);
    viewer.send({ ping: { nonce: 1 } });
    await viewer.next('pong');
    await limit(1_024);
    await until('it is over', () => lines(/can be opened again/) > 0);
    using late = RawStream.hello(address);
    await late.next('welcome');
    assert.equal(viewer.ended, undefined);
    assert.equal(lines(EXHAUSTED), 1);
    const { metrics } = server.log.find(({ msg }) => msg === 'ready') as { metrics: string };
    const page = await (await fetch(`http://${metrics}/metrics`)).text();
    assert.match(page, /^live_gateway_descriptors_exhausted_total 1$/m);
  });

  it('refuses viewers before it comes to that, and counts them', async () => {
    const settings = ['--nats', nats.url, '--listen', '127.0.0.1:0', '--metrics', '127.0.0.1:0'];
    await using server = new ServerProcess(settings, {}, ['prlimit', '--nofile=200']);
    const address = await server.address();
    const dialled = dial(address, 160);
    await until('those beyond 136 are closed', () => dialled.closed >= 24);
    const { metrics } = server.log.find(({ msg }) => msg === 'ready') as { metrics: string };
    const page = await (await fetch(`http://${metrics}/metrics`)).text();
    assert.match(page, /^live_gateway_refused_total\{reason="CONNECTION_LIMIT"\} 24$/m);
    assert.match(page, /^live_gateway_connections 136$/m);
    const [line] = server.log.filter(({ reason }) => reason === 'CONNECTION_LIMIT');
    assert.match(String(line?.['msg']), /limit of open files/);
  });
});
