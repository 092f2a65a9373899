import assert from 'node:assert/strict';
import type { Gateway } from '../../server/gateway/gateway.ts';
import { startGateway } from '../../server/gateway/gateway.ts';
import { defaultConfig } from '../../server/config/config.ts';
import { LogLines } from '../helpers/log-lines.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };

describe('ids of requests over HTTP', () => {
  let nats: TestNats;
  let log: LogLines;
  let gateway: Gateway;

  before(async () => {
    nats = await startNats();
    log = new LogLines();
    gateway = await startGateway(
      defaultConfig({ listen: LOOPBACK, http: LOOPBACK, nats: [nats.url] }),
      log.logger,
    );
  });

  after(async () => {
    await gateway.close();
    await nats.stop();
  });

  const ask = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`http://${gateway.http}${path}`, { headers });

  it('are those that come with them, in the answer, the problem and the log', async () => {
    const answer = await ask('/v1/rooms/nobody', { 'x-request-id': 'proxy-7.a_B' });
    assert.equal(answer.headers.get('x-request-id'), 'proxy-7.a_B');
    assert.equal(((await answer.json()) as { requestId: string }).requestId, 'proxy-7.a_B');
    assert.equal(log.with('a call was refused').at(-1)?.facts['request'], 'proxy-7.a_B');
    assert.equal(log.with('refused: ROOM_UNKNOWN').at(-1)?.facts['request'], 'proxy-7.a_B');
  });

  it('are made up where none comes, or one that is not fit for a log', async () => {
    for (const given of [undefined, 'a b', 'x'.repeat(129), '{"level":"fatal"}']) {
      const answer = await ask('/nowhere', given === undefined ? {} : { 'x-request-id': given });
      const id = answer.headers.get('x-request-id');
      assert.match(id ?? '', /^[0-9a-f-]{36}$/);
      assert.equal(((await answer.json()) as { requestId: string }).requestId, id);
    }
  });
});
