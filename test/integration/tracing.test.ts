import assert from 'node:assert/strict';
import { Metadata } from '@grpc/grpc-js';
import { headers } from 'nats';
import type { Message } from '../../client/index.ts';
import { LiveClient } from '../../client/index.ts';
import type { PublishRequestInput } from '../../protos/gen/live/v1/PublishRequest.ts';
import { HandEventSource } from '../helpers/event-source.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import type { ExportedSpan } from '../helpers/otlp-receiver.ts';
import { OtlpReceiver } from '../helpers/otlp-receiver.ts';
import { until } from '../helpers/poll.ts';
import { postJson } from '../helpers/post-json.ts';
import { rawStub } from '../helpers/raw-stream.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { StockProducer } from '../helpers/stock-producer.ts';

const TRACE = 'a1b2c3d4e5f60718293a4b5c6d7e8f90';
const CALLER = '00f067aa0ba902b7';
const TRACEPARENT = `00-${TRACE}-${CALLER}-01`;
const SERVER = 2;
const PRODUCER = 4;
const ERROR = 2;

describe('traces', () => {
  let nats: TestNats;
  let producer: StockProducer;
  let collector: OtlpReceiver;
  let server: ServerProcess;

  before(async () => {
    nats = await startNats();
    producer = await StockProducer.connect(nats.url);
  });

  after(async () => {
    await producer.close();
    await nats.stop();
  });

  beforeEach(async () => {
    collector = await OtlpReceiver.start();
  });

  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await collector[Symbol.asyncDispose]();
  });

  const exporting = (): NodeJS.ProcessEnv => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=live',
    OTEL_SERVICE_NAME: 'gateways',
    OTEL_BSP_SCHEDULE_DELAY: '50',
  });

  async function start(env: NodeJS.ProcessEnv, ...args: string[]): Promise<string> {
    server = new ServerProcess(
      [
        '--nats',
        nats.url,
        '--listen',
        '127.0.0.1:0',
        '--http',
        '127.0.0.1:0',
        '--log-level',
        'debug',
        ...args,
      ],
      env,
    );
    return server.address();
  }

  const http = (): string => {
    const ready = server.log.find(({ msg }) => msg === 'ready') as { http: string };
    return `http://${ready.http}`;
  };

  function publish(address: string, request: PublishRequestInput, traceparent?: string): Promise<void> {
    const metadata = new Metadata();
    if (traceparent !== undefined) metadata.set('traceparent', traceparent);
    const stub = rawStub(address);
    return new Promise((resolve, reject) => {
      stub.publish(request, metadata, (error) => {
        stub.close();
        if (error) reject(error);
        else resolve();
      });
    });
  }

  const span = (name: string, nth = 1): Promise<ExportedSpan> =>
    until(`span ${name} number ${nth} is exported`, () => collector.named(name)[nth - 1]);

  async function firstMessage(address: string, room: string): Promise<Message> {
    const client = new LiveClient({ endpoints: [address] });
    try {
      for await (const event of client.join(room, { from: 'earliest' }))
        if (event.kind === 'message') return event.message;
      throw new Error('the room ended');
    } finally {
      await client.close();
    }
  }

  it('lead from who calls by gRPC through the gateway to who gets the message', async () => {
    const address = await start(exporting());
    await publish(address, { room: 'traced', type: 'gift', payload: Buffer.from('1') }, TRACEPARENT);
    const call = await span('live.v1.Live/Publish');
    const sent = await span('publish');
    assert.equal(call.traceId, TRACE);
    assert.equal(call.parentId, CALLER);
    assert.equal(call.kind, SERVER);
    assert.deepEqual(call.attributes, {
      'rpc.system.name': 'grpc',
      'rpc.method': 'live.v1.Live/Publish',
      'rpc.response.status_code': 'OK',
    });
    assert.equal(sent.parentId, call.spanId);
    assert.equal(sent.kind, PRODUCER);
    assert.deepEqual(sent.attributes, {
      'messaging.system': 'nats',
      'messaging.operation.name': 'publish',
      'messaging.operation.type': 'send',
      'messaging.destination.template': 'live.room.{room}',
      'messaging.message.body.size': 1,
    });
    assert.equal(sent.resource['service.name'], 'gateways');
    assert.equal(collector.headers[0]?.['x-tenant'], 'live');
    const message = await firstMessage(address, 'traced');
    assert.deepEqual(message.headers, { traceparent: `00-${TRACE}-${sent.spanId}-01` });
    const join = await span('join');
    assert.equal(join.attributes['live.start'], 'earliest');
    const session = server.log.find(({ msg }) => msg === 'a session begins')?.['session'];
    assert.equal(join.attributes['session.id'], session);
  });

  it('lead through HTTP, to events and pages', async () => {
    await start(exporting());
    const viewer = new HandEventSource(`${http()}/v1/rooms/by-http/events`, {
      headers: { traceparent: TRACEPARENT },
    });
    try {
      await viewer.next('joined');
      const join = await span('join');
      assert.equal(join.traceId, TRACE);
      const url = `${http()}/v1/rooms/by-http/messages`;
      await postJson(url, { type: 'gift', payload: '1' }, { headers: { traceparent: TRACEPARENT } });
      const call = await span('POST /v1/rooms/{room}/messages');
      const sent = await span('publish');
      assert.equal(call.parentId, CALLER);
      assert.equal(call.attributes['http.response.status_code'], 200);
      assert.equal(sent.parentId, call.spanId);
      const traceparent = `00-${TRACE}-${sent.spanId}-01`;
      const { data } = await viewer.next('message');
      assert.deepEqual(data['headers'], { traceparent });
      const page = (await (await fetch(`${url}?from=earliest`)).json()) as { messages: Message[] };
      assert.deepEqual(page.messages[0]?.headers, { traceparent });
    } finally {
      viewer.close();
    }
  });

  it('go on from what a publisher writes into its message, by a stream and by NATS', async () => {
    const address = await start(exporting());
    const client = new LiveClient({ endpoints: [address] });
    try {
      await client.publish('streamed', { type: 'gift', payload: '', headers: { traceparent: TRACEPARENT } });
    } finally {
      await client.close();
    }
    const sent = await span('publish');
    assert.equal(sent.parentId, CALLER);
    assert.equal((await firstMessage(address, 'streamed')).headers['traceparent'], TRACEPARENT);

    const given = headers();
    given.set('traceparent', TRACEPARENT);
    await producer.publish('by-nats', 'x', given);
    assert.deepEqual((await firstMessage(address, 'by-nats')).headers, { traceparent: TRACEPARENT });
  });

  it('say why something was refused, and name neither room nor user', async () => {
    const address = await start(exporting());
    const room = 'secret-room';
    await assert.rejects(publish(address, { room, type: 'gift', sender: 'a\nb' }));
    const call = await span('live.v1.Live/Publish');
    assert.equal(call.attributes['error.type'], 'MESSAGE_INVALID');
    assert.equal(call.attributes['rpc.response.status_code'], 'INVALID_ARGUMENT');
    assert.equal(call.status.code, 0, 'what the client does wrong is no error of the server');
    const sent = await span('publish');
    assert.deepEqual(sent.status, { code: ERROR, message: 'MESSAGE_INVALID' });
    const line = server.log.find(({ msg }) => msg === 'a call was refused');
    assert.equal(line?.['trace'], call.traceId);
    assert.ok(!JSON.stringify(collector.spans).includes(room));
  });

  it('are sampled as the environment says, and messages then say nothing of them', async () => {
    const address = await start({ ...exporting(), OTEL_TRACES_SAMPLER: 'parentbased_always_off' });
    await publish(address, { room: 'unsampled', type: 'gift' });
    await publish(address, { room: 'sampled', type: 'gift' }, TRACEPARENT);
    await span('publish');
    assert.deepEqual(
      collector.spans.map(({ traceId }) => traceId),
      [TRACE, TRACE],
    );
    assert.deepEqual((await firstMessage(address, 'unsampled')).headers, {});
  });

  it('are exported to the end when the gateway is stopped', async () => {
    const address = await start({ ...exporting(), OTEL_BSP_SCHEDULE_DELAY: '600000' }, '--drain', '100ms');
    await publish(address, { room: 'last', type: 'gift' });
    server.signal('SIGTERM');
    assert.equal(await server.exit(), 0);
    assert.equal(collector.named('publish').length, 1);
  });

  it('cannot be exported, which is said and harms nobody', async () => {
    const address = await start({
      ...exporting(),
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.endpoint}/nothing`,
    });
    await publish(address, { room: 'untold', type: 'gift' });
    await until('it is said', () => server.log.find(({ msg }) => msg === 'traces cannot be exported'));
  });

  it('are not there unless they are asked for: nothing of OpenTelemetry is loaded', async () => {
    const address = await start({ NODE_DEBUG: 'esm,module' });
    await publish(address, { room: 'untraced', type: 'gift' }, TRACEPARENT);
    assert.deepEqual((await firstMessage(address, 'untraced')).headers, {});
    assert.ok(!server.stderr.includes('sdk-trace'), 'the SDK is loaded');
    assert.ok(server.stderr.includes('pino'), 'what is loaded is told');
  });
});
