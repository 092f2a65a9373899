import assert from 'node:assert/strict';
import { ServerProcess } from '../helpers/server-process.ts';

describe('live-server without NATS', () => {
  it('says once why there is no connection yet, not with every attempt, and never the password', async () => {
    const nats = 'nats://admin:hunter2@127.0.0.1:1';
    await using server = new ServerProcess(['--listen', '127.0.0.1:0', '--nats', nats]);
    assert.equal(await server.exit(), 3);
    const waits = server.log.filter(({ msg }) => msg === 'no connection to NATS yet, trying again');
    assert.equal(waits.length, 1);
    assert.doesNotMatch(server.stdout + server.stderr, /hunter2/);
  });
});
