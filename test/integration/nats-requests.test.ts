import assert from 'node:assert/strict';
import type { Msg, NatsConnection as NatsClient } from 'nats';
import { connect } from 'nats';
import { bandwidth } from '../../chaos/links/faults/bandwidth.ts';
import { stall } from '../../chaos/links/faults/stall.ts';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import { systemClock } from '../../common/clock.ts';
import type { NatsConnection } from '../../server/nats/connection/connection.ts';
import { openAccess } from '../../server/nats/access/access.ts';
import { connectNats } from '../../server/nats/connection/connection.ts';
import type { RequestError } from '../../server/nats/connection/requests.ts';
import { Requests } from '../../server/nats/connection/requests.ts';
import { readPages } from '../../server/nats/read/page-reader.ts';
import { ReadInbox } from '../../server/nats/read/read-inbox.ts';
import { ReadWindow } from '../../server/nats/read/read-window.ts';
import { createLogger } from '../../server/observability/logging.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';

const NOTHING = new Uint8Array();
const config = (limits = ''): string => `
  accounts {
    LIVE {
      users: [{ user: u, password: p, permissions: { publish: { deny: "shut" } } }]
      jetstream: enabled
      ${limits}
    }
  }
  no_auth_user: u`;

describe('requests to NATS', () => {
  let nats: TestNats;
  let proxy: FaultProxy;
  let connection: NatsConnection;
  let requests: Requests;
  let other: NatsClient;

  beforeEach(async () => {
    nats = await startNats({ config: config() });
    proxy = await FaultProxy.listen({ host: '127.0.0.1', port: nats.port });
    connection = await connectNats(openAccess([proxy.address]), 'test', systemClock, createLogger('silent'));
    requests = new Requests(connection, systemClock);
    other = await connect({ servers: nats.url, user: 'u', pass: 'p' });
  });

  afterEach(async () => {
    await connection.close();
    await other.close();
    await proxy.close();
    await nats.stop();
  });

  /** Answers questions as `answer` does; resolves when it listens, with the questions so far. */
  async function listen(subject: string, answer: (message: Msg, count: number) => void): Promise<Msg[]> {
    const asked: Msg[] = [];
    other.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) answer(message, asked.push(message));
      },
    });
    await other.flush();
    return asked;
  }

  const failure = (asking: Promise<unknown>): Promise<string> =>
    asking.then(
      () => 'answered',
      (error: unknown) => (error as RequestError).kind,
    );

  it('are answered', async () => {
    await listen('echo', (message) => message.respond(message.data));
    const answers = await Promise.all(['a', 'b', 'c'].map((text) => requests.ask('echo', Buffer.from(text))));
    assert.deepEqual(
      answers.map((answer) => answer.string()),
      ['a', 'b', 'c'],
    );
  });

  it('are answered again once there is room for the subscription by which answers come', async () => {
    await nats.restart(config('limits { max_subs: 2 }'));
    await until('both are connected again', async () => {
      await Promise.all([connection.sync(), other.flush()]);
      return true;
    });
    await listen('echo', (message) => message.respond(message.data));
    const taken = connection.nc.subscribe('taken');
    const unheard = new Requests(connection, systemClock);
    await connection.sync();
    assert.equal(await failure(unheard.ask('echo', NOTHING, { timeoutMs: 500 })), 'timeout');
    taken.unsubscribe();
    await connection.sync();
    assert.equal((await unheard.ask('echo', Buffer.from('a'))).string(), 'a');
  });

  it('are asked again early', async () => {
    const asked = await listen('deaf', (message, count) => {
      if (count === 2) message.respond('at last');
    });
    assert.equal((await requests.ask('deaf', NOTHING)).string(), 'at last');
    assert.ok(asked.length >= 2, 'once more, or more often before the answer has come back');
  });

  it('are asked once when they must not happen twice, and given up', async () => {
    const asked = await listen('dumb', () => undefined);
    assert.equal(await failure(requests.ask('dumb', NOTHING, { timeoutMs: 1_000, retry: false })), 'timeout');
    assert.equal(asked.length, 1);
  });

  it('fail at once when nobody listens, and when they are not permitted', async () => {
    assert.equal(await failure(requests.ask('nobody', NOTHING)), 'no-responders');
    const forbidden = requests.ask('shut', NOTHING);
    await assert.rejects(forbidden, /permission to publish shut is missing/);
    assert.equal(await failure(forbidden), 'forbidden');
  });

  it('are asked again of who may have begun to listen only now', async () => {
    const asking = requests.ask('late', NOTHING, { justBegun: true });
    await connection.sync();
    await listen('late', (message) => message.respond('here'));
    assert.equal((await asking).string(), 'here');
    const nobody = requests.ask('nobody', NOTHING, { justBegun: true, timeoutMs: 500 });
    assert.equal(await failure(nobody), 'timeout');
  });

  it('fail with the connection, and at once while there is none', async () => {
    await listen('dumb', () => undefined);
    const lost = failure(requests.ask('dumb', NOTHING));
    await nats.kill();
    assert.equal(await lost, 'disconnected');
    await until('it is known', () => !connection.up);
    assert.equal(await failure(requests.ask('dumb', NOTHING)), 'disconnected');
  });

  it('wait on a slow link for the data before the answer, and are not asked again', async () => {
    const told: boolean[] = [];
    connection.onChange((up) => told.push(up));
    const asked = await listen('echo', (message) => message.respond(message.data));
    let flooded = 0;
    connection.nc.subscribe('flood', { callback: () => (flooded += 1) });
    await connection.sync();
    proxy.applyAll(bandwidth(100_000));
    other.publish('flood', new Uint8Array(500_000));
    await other.flush();
    const answer = await requests.ask('echo', Buffer.from('late'), { timeoutMs: 500 });
    assert.deepEqual([answer.string(), flooded, asked.length, told], ['late', 1, 1, []]);
  });

  it('fail when the link falls silent', async () => {
    await listen('echo', (message) => message.respond(message.data));
    proxy.applyAll(stall);
    assert.equal(await failure(requests.ask('echo', NOTHING)), 'disconnected');
  });

  it('a read that has waited for its turn until the connection was closed is told so, and nobody else', async () => {
    const clock = systemClock;
    const window = new ReadWindow(clock);
    const held = await window.take(window.size, window.size);
    const leader = { api: '$JS.API', stream: 'S' };
    const inbox = new ReadInbox(connection);
    const pages = readPages({ connection, leader, window, inbox, clock }, { consumer: 'c', from: 1 });
    const page = assert.rejects(pages.next(), /CONNECTION_CLOSED|connection was lost/);
    // In one turn: nobody has been told yet.
    const closed = connection.nc.close();
    window.giveBack(held);
    await page;
    await closed;
  });
});
