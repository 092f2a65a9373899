import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { resetSocket } from '../../common/node/reset-socket.ts';
import { until } from '../helpers/poll.ts';

/** Both ends of a connection. */
async function pair(): Promise<{ near: Socket; far: Socket; close: () => void }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [[Socket], []];
  return { near, far, close: () => server.close() };
}

describe('resetSocket', () => {
  it('resets a connection', async () => {
    const { near, far, close } = await pair();
    const broken = once(far, 'error');
    resetSocket(near);
    const [error] = (await broken) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNRESET');
    await until('both ends are closed', () => near.closed && far.closed);
    close();
  });

  it('closes one whose own end is on its way, in any order', async () => {
    const { near, far, close } = await pair();
    const errors: unknown[] = [];
    for (const socket of [near, far]) socket.on('error', (error) => errors.push(error));
    far.resume();
    const closed = once(near, 'close');
    near.end();
    resetSocket(near);
    resetSocket(near);
    await closed;
    await until('the other end is closed', () => far.closed);
    assert.deepEqual(errors, []);
    close();
  });

  it('takes one away that is not connected yet, and perhaps never will be', () => {
    const socket = connect({ host: '127.0.0.1', port: 1 }).on('error', () => undefined);
    assert.ok(socket.connecting);
    resetSocket(socket);
    assert.ok(socket.destroyed);
  });
});
