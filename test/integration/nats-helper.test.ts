import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import { connect } from 'nats';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { isAlive } from '../helpers/processes.ts';

describe('test helper: startNats', () => {
  it('keeps port, directory and stored messages over a crash and a restart', async () => {
    const nats = await startNats();
    const firstPid = nats.pid;
    await publish(nats.url, 'before the crash');
    await nats.kill();
    await nats.restart();
    assert.notEqual(nats.pid, firstPid);
    assert.equal(await storedMessages(nats.url), 1);
    await nats.stop();
    await assert.rejects(access(nats.directory), { code: 'ENOENT' });
  });

  it('answers nothing while paused, and goes on after resume', async () => {
    await using nats = await startNats();
    const connection = await connect({ servers: nats.url, reconnect: false });
    await nats.pause();
    let answered = false;
    const answer = connection.flush().then(() => (answered = true));
    await assert.rejects(connect({ servers: nats.url, reconnect: false, timeout: 200 }));
    assert.equal(answered, false);
    nats.resume();
    await answer;
    await connection.close();
  });

  it('stops a paused server, and twice is once', async () => {
    const nats = await startNats();
    await nats.pause();
    await nats.stop();
    await nats.stop();
    await until('the process is gone', () => !isAlive(nats.pid));
  });

  it('takes a configuration', async () => {
    await using nats = await startNats({ config: 'max_payload: 4321' });
    const connection = await connect({ servers: nats.url });
    assert.equal(connection.info?.max_payload, 4321);
    await connection.close();
  });
});

async function publish(url: string, text: string): Promise<void> {
  const connection = await connect({ servers: url });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: 'TEST', subjects: ['test.>'] });
  await connection.jetstream().publish('test.a', text);
  await connection.close();
}

async function storedMessages(url: string): Promise<number> {
  const connection = await connect({ servers: url });
  const manager = await connection.jetstreamManager();
  const { state } = await manager.streams.info('TEST');
  await connection.close();
  return state.messages;
}
