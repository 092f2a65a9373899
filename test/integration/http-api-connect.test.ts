import assert from 'node:assert/strict';
import type { ClientRequest } from 'node:http';
import { request } from 'node:http';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { GetRoomResponse } from '../../protos/gen/live/v1/GetRoomResponse.ts';
import type { PublishResponse } from '../../protos/gen/live/v1/PublishResponse.ts';
import type { PullResponse } from '../../protos/gen/live/v1/PullResponse.ts';
import { liveService } from '../../protos/live.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { StockProducer } from '../helpers/stock-producer.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BUF = fileURLToPath(new URL('../../node_modules/.bin/buf', import.meta.url));
const run = promisify(execFile);

const { GetRoom, Publish, Pull } = liveService;

interface ConnectError {
  code: string;
  message: string;
  details: { type: string; value: string }[];
}

/** One message behind its prefix. */
function enveloped(message: Buffer, flags = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flags;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** What an answer that streams is made of: messages, and the end. */
function openEnvelopes(bytes: Buffer): { parts: PullResponse[]; end: { error?: ConnectError } } {
  const parts: PullResponse[] = [];
  let at = 0;
  while (at < bytes.length) {
    const message = bytes.subarray(at + 5, at + 5 + bytes.readUInt32BE(at + 1));
    if (bytes[at] === 2) {
      assert.equal(at + 5 + message.length, bytes.length, 'nothing behind the end');
      return { parts, end: JSON.parse(message.toString()) as { error?: ConnectError } };
    }
    parts.push(Pull.responseDeserialize(message));
    at += 5 + message.length;
  }
  throw new Error('the stream has no end');
}

describe('live.v1.Live by the Connect protocol', () => {
  let nats: TestNats;
  let producer: StockProducer;
  let gateway: TestGateway;

  before(async () => {
    nats = await startNats();
    producer = await StockProducer.connect(nats.url);
    gateway = await startTestGateway(nats.url, { http: { host: '127.0.0.1', port: 0 } });
    for (const room of ['demo', 'demo', 'else', 'demo']) await producer.publish(room, 'hello');
  });

  after(async () => {
    await gateway.close();
    await producer.close();
    await nats.stop();
  });

  function post(method: { path: string }, type: string, body: Buffer, headers = {}): Promise<Response> {
    return fetch(`http://${gateway.http}${method.path}`, {
      method: 'POST',
      headers: { 'content-type': type, 'connect-protocol-version': '1', ...headers },
      body,
    });
  }

  async function unary(method: { path: string }, body: Buffer, headers = {}): Promise<Buffer | ConnectError> {
    const answered = await post(method, 'application/proto', body, headers);
    if (answered.ok) return Buffer.from(await answered.arrayBuffer());
    assert.equal(answered.headers.get('content-type'), 'application/json');
    return (await answered.json()) as ConnectError;
  }

  async function stream(body: Buffer, headers = {}): Promise<ReturnType<typeof openEnvelopes>> {
    const answered = await post(Pull, 'application/connect+proto', body, headers);
    assert.equal(answered.status, 200);
    assert.equal(answered.headers.get('content-type'), 'application/connect+proto');
    return openEnvelopes(Buffer.from(await answered.arrayBuffer()));
  }

  it('GetRoom describes a room', async () => {
    const answer = await unary(GetRoom, GetRoom.requestSerialize({ room: 'demo' }));
    const { room, head, count }: GetRoomResponse = GetRoom.responseDeserialize(answer as Buffer);
    assert.deepEqual({ room, head, count }, { room: 'demo', head: '4', count: '3' });
  });

  it('Publish stores a message once', async () => {
    const request = Publish.requestSerialize({
      room: 'published',
      type: 'gift',
      key: 'one',
      payload: Buffer.alloc(100_000),
    });
    const answers: PublishResponse[] = [];
    for (const body of [request, request])
      answers.push(Publish.responseDeserialize((await unary(Publish, body)) as Buffer));
    assert.deepEqual(
      answers.map(({ duplicate }) => duplicate),
      [false, true],
    );
    assert.equal(answers[0]?.seq, answers[1]?.seq);
  });

  it('Pull gives a range, and says when it is over', async () => {
    const { parts, end } = await stream(
      enveloped(Pull.requestSerialize({ room: 'demo', start: { earliest: {} } })),
    );
    const seqs = parts.flatMap(({ batch }) => batch?.reliable.map(({ seq }) => seq) ?? []);
    assert.deepEqual(seqs, ['1', '2', '4']);
    assert.equal(parts.at(-1)?.end?.cursor?.seq, '4');
    assert.deepEqual(end, {});
  });

  it('refusals have the status, reason and details that they have by gRPC', async () => {
    const answered = await post(GetRoom, 'application/proto', GetRoom.requestSerialize({ room: 'no room!' }));
    assert.equal(answered.status, 400);
    assert.equal(answered.headers.get('live-reason'), 'ROOM_NAME_INVALID');
    const { code, message, details } = (await answered.json()) as ConnectError;
    assert.equal(code, 'invalid_argument');
    assert.match(message, /a room name is/);
    assert.deepEqual(
      details.map(({ type }) => type),
      ['google.rpc.ErrorInfo'],
    );
    assert.match(Buffer.from(details[0]!.value, 'base64').toString('latin1'), /ROOM_NAME_INVALID/);
    const missing = await post(GetRoom, 'application/proto', GetRoom.requestSerialize({ room: 'nobody' }));
    assert.equal(missing.status, 404);
  });

  it('a refusal of Pull is the end of its stream', async () => {
    const { parts, end } = await stream(enveloped(Pull.requestSerialize({ room: 'demo' })));
    assert.deepEqual(parts, []);
    assert.equal(end.error?.code, 'invalid_argument');
  });

  it('what is no request, compressed or too much is refused, and says so', async () => {
    const garbage = await unary(GetRoom, Buffer.from([0xff, 0xff, 0xff]));
    assert.equal((garbage as ConnectError).code, 'invalid_argument');
    const zipped = await unary(GetRoom, Buffer.alloc(3), { 'content-encoding': 'gzip' });
    assert.equal((zipped as ConnectError).code, 'unimplemented');
    const costly = await unary(GetRoom, Buffer.alloc(100_000));
    assert.equal((costly as ConnectError).code, 'resource_exhausted');
    const asked = await stream(enveloped(Buffer.alloc(100_000)));
    assert.equal(asked.end.error?.code, 'resource_exhausted');
    const many = Buffer.concat([enveloped(Buffer.alloc(0)), enveloped(Buffer.alloc(0))]);
    assert.equal((await stream(many)).end.error?.code, 'invalid_argument');
    assert.equal((await stream(enveloped(Buffer.alloc(0), 1))).end.error?.code, 'unimplemented');
    const late = await unary(GetRoom, Buffer.alloc(0), { 'connect-timeout-ms': 'soon' });
    assert.equal((late as ConnectError).code, 'invalid_argument');
  });

  it('a deadline that has passed is told', async () => {
    const request = GetRoom.requestSerialize({ room: 'demo' });
    const late = await unary(GetRoom, request, { 'connect-timeout-ms': '0' });
    assert.equal((late as ConnectError).code, 'deadline_exceeded');
  });

  it('a deadline that passes while NATS does not answer is told', async () => {
    const headers = { 'connect-timeout-ms': '10' };
    const earliest = Pull.requestSerialize({ room: 'paused', start: { earliest: {} } });
    const get = (room: string): Buffer => GetRoom.requestSerialize({ room });
    await nats.pause();
    try {
      assert.equal((await stream(enveloped(earliest), headers)).end.error?.code, 'deadline_exceeded');
      const late = await unary(GetRoom, get('paused'), headers);
      assert.equal((late as ConnectError).code, 'deadline_exceeded');
      const gift = Publish.requestSerialize({ room: 'paused', type: 'gift', key: 'late' });
      const published = await post(Publish, 'application/proto', gift, { 'connect-timeout-ms': '500' });
      assert.equal(
        published.headers.get('live-reason'),
        'PUBLISH_OUTCOME_UNKNOWN',
        'told before it has passed',
      );
    } finally {
      nats.resume();
    }
    await until('NATS answers', async () => Buffer.isBuffer(await unary(GetRoom, get('demo'))));
  });

  it('who leaves before the end has missed no deadline', async () => {
    const body = enveloped(Pull.requestSerialize({ room: 'left', start: { earliest: {} } }));
    const other = await startTestGateway(nats.url, { http: { host: '127.0.0.1', port: 0 } });
    const ask = (): ClientRequest => {
      const headers = { 'content-type': 'application/connect+proto' };
      const asked = request(`http://${other.http}${Pull.path}`, { method: 'POST', agent: false, headers });
      return asked.on('error', () => undefined).end(body);
    };
    await nats.pause();
    try {
      const leaving = ask();
      await until('it has come', () => leaving.writableFinished && other.stats.connections === 1);
      const late = await fetch(`http://${other.http}/v1/rooms/no+room`, { headers: { connection: 'close' } });
      assert.equal(late.status, 400, 'what has come after it is answered');
      leaving.destroy();
      await until('it has gone', () => other.stats.connections === 0);
      assert.deepEqual([...other.stats.refused.keys()], ['ROOM_NAME_INVALID']);
    } finally {
      nats.resume();
      await other.close();
    }
  });

  it('a deadline that is months away is none', async () => {
    const headers = { 'connect-timeout-ms': '9999999999' };
    const answer = await unary(GetRoom, GetRoom.requestSerialize({ room: 'demo' }), headers);
    assert.equal(GetRoom.responseDeserialize(answer as Buffer).head, '4');
    const earliest = Pull.requestSerialize({ room: 'demo', start: { earliest: {} } });
    assert.deepEqual((await stream(enveloped(earliest), headers)).end, {});
  });

  it('other methods, types and paths are refused by HTTP', async () => {
    const url = `http://${gateway.http}${GetRoom.path}`;
    const got = await fetch(url);
    assert.deepEqual([got.status, got.headers.get('allow')], [405, 'POST']);
    const json = await post(GetRoom, 'application/json', Buffer.from('{}'));
    assert.deepEqual([json.status, json.headers.get('accept-post')], [415, 'application/proto']);
    const nowhere = await post({ path: '/live.v1.Live/Connect' }, 'application/proto', Buffer.alloc(0));
    assert.equal(nowhere.status, 404);
  });

  describe('with buf curl', () => {
    const curl = async (method: string, data: object): Promise<unknown> => {
      const { stdout } = await run(
        BUF,
        [
          ...['curl', '--protocol', 'connect', '--schema', 'protos', '--data', JSON.stringify(data)],
          `http://${gateway.http}/live.v1.Live/${method}`,
        ],
        { cwd: ROOT },
      );
      return stdout
        .split(/(?<=^})\n/m)
        .filter(Boolean)
        .map((text) => JSON.parse(text) as unknown);
    };

    it('GetRoom and Pull answer', async () => {
      assert.deepEqual(await curl('GetRoom', { room: 'else' }), [
        { room: 'else', head: '3', first: '3', count: '1', epoch: await epoch() },
      ]);
      const parts = (await curl('Pull', { room: 'demo', start: { last: 1 } })) as PullResponse[];
      assert.equal(parts[0]?.batch?.reliable[0]?.seq, '4');
    });

    it('a refusal is understood', async () => {
      await assert.rejects(curl('GetRoom', { room: 'nobody' }), /"not_found"/);
    });

    async function epoch(): Promise<string> {
      const answer = await unary(GetRoom, GetRoom.requestSerialize({ room: 'else' }));
      return GetRoom.responseDeserialize(answer as Buffer).epoch;
    }
  });
});
