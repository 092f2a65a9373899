import assert from 'node:assert/strict';
import { payloadLimit } from '../../server/log/sizes.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';

const MIB = 2 ** 20;
const NATS_BYTES = 8 * MIB;
const LARGEST = payloadLimit(NATS_BYTES, -1);
/** The least that may be configured. */
const RECEIVE_BYTES = 24 * MIB;

describe('the largest payload over HTTP', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let url: string;

  before(async () => {
    nats = await startNats({ config: `max_payload: ${NATS_BYTES}` });
    const http = { host: '127.0.0.1', port: 0 };
    gateway = await startTestGateway(nats.url, { http, receiveBytes: RECEIVE_BYTES });
    url = `http://${gateway.http}/v1/rooms/demo/messages`;
  });

  after(async () => {
    await gateway.close();
    await nats.stop();
  });

  const post = (body: object): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'gift', headers: { note: 'x'.repeat(4_000) }, ...body }),
    });

  it('is taken as bytes in base64, and as text', async () => {
    for (const body of [
      { payloadBase64: Buffer.alloc(LARGEST, 0xff).toString('base64') },
      { payload: 'x'.repeat(LARGEST) },
    ]) {
      const answered = await post(body);
      assert.equal(answered.status, 200, await answered.text());
    }
    const { messages } = (await (await fetch(url)).json()) as { messages: Record<string, string>[] };
    assert.equal(Buffer.from(String(messages[0]?.['payloadBase64']), 'base64').length, LARGEST);
    assert.equal(messages[1]?.['payload']?.length, LARGEST);
  });

  it('is told to who sends more, as long as that can be read', async () => {
    const answered = await post({ payloadBase64: Buffer.alloc(LARGEST + 1).toString('base64') });
    assert.equal(answered.status, 400);
    const { reason, detail } = (await answered.json()) as Record<string, string>;
    assert.equal(reason, 'PAYLOAD_TOO_LARGE');
    assert.match(String(detail), new RegExp(`at most ${LARGEST} `));
  });

  it('is refused as no base64 where it is none, however long', async () => {
    const answered = await post({ payloadBase64: `${'A'.repeat(5 * MIB - 1)}*` });
    assert.equal(answered.status, 400, await answered.text());
  });
});
