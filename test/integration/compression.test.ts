import assert from 'node:assert/strict';
import { once } from 'node:events';
import { inflateRawSync } from 'node:zlib';
import type { ServiceError } from '@grpc/grpc-js';
import { compressionAlgorithms, credentials, status } from '@grpc/grpc-js';
import type { LiveClient } from '../../client/index.ts';
import type { ServerFrame } from '../../protos/live.ts';
import { liveService, LiveStub } from '../../protos/live.ts';
import { REASON_METADATA_KEY } from '../../protos/vocabulary.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RawStream } from '../helpers/raw-stream.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { transports, webSocket } from '../helpers/transports.ts';

const payload = Buffer.alloc(2_000, 'congratulations! ');
const joinAll = { join: { room: 'tea', start: { earliest: {} } } };

/** Payloads of the reliable messages in frames of either form. */
function reliable(frames: readonly ServerFrame[]): string[] {
  return frames
    .map(({ deflated, ...frame }) =>
      deflated ? liveService.Connect.responseDeserialize(inflateRawSync(deflated)) : frame,
    )
    .flatMap(({ batch }) => batch?.reliable ?? [])
    .map((message) => message.payload.toString());
}

describe('compression', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let publisher: LiveClient;

  beforeEach(async () => {
    nats = await startNats();
    gateway = await startTestGateway(nats.url, webSocket.config);
    publisher = gateway.client();
  });

  afterEach(async () => {
    await gateway.close();
    await nats.stop();
  });

  it('of what viewers send is refused, by every call, before anything is inflated', async () => {
    const stub = new LiveStub(gateway.address, credentials.createInsecure(), {
      'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
    });
    const zeros = Buffer.alloc(4_000_000);
    const reasonOf = (error: ServiceError | null): unknown => [
      error?.code,
      error?.metadata.get(REASON_METADATA_KEY)[0],
    ];
    const unary = new Promise((resolve) =>
      stub.publish({ room: 'tea', type: 'gift', payload: zeros }, (error) => resolve(reasonOf(error))),
    );
    const lookUp = new Promise((resolve) =>
      stub.getRoom({ room: 'tea' }, (error) => resolve(reasonOf(error))),
    );
    const stream = stub.connect();
    const streamed = once(stream, 'error').then(([error]) => reasonOf(error as ServiceError));
    stream.write({ publish: { request: { room: 'tea', type: 'gift', payload: zeros } } });
    for (const answer of [unary, lookUp, streamed])
      assert.deepEqual(await answer, [status.UNIMPLEMENTED, 'COMPRESSION_UNSUPPORTED']);
    stub.close();
  });

  const publish = (text: string | Buffer): Promise<unknown> =>
    publisher.publish('tea', { type: 'gift', payload: text });

  it('is for those who ask for it, replayed and live; everybody gets the same', async () => {
    await publish(payload);
    using plain = RawStream.hello(gateway.address);
    // A feature of a later version is none that this gateway could use.
    using compressed = RawStream.hello(gateway.address, { features: [99 as 1, 'FEATURE_DEFLATE'] });
    using unknown = RawStream.hello(gateway.address, { features: [99 as 1] });
    const streams = [plain, compressed, unknown];
    const inForce = await Promise.all(streams.map(async (stream) => (await stream.next('welcome')).features));
    assert.deepEqual(inForce, [[], ['FEATURE_DEFLATE'], []]);
    for (const stream of streams) stream.send(joinAll);
    await Promise.all(streams.map((stream) => stream.next('caughtUp')));
    await publish(payload);
    await publish('short');
    const texts = [payload.toString(), payload.toString(), 'short'];
    for (const stream of streams) {
      await until('all have come', () => reliable(stream.frames).length === texts.length);
      assert.deepEqual(reliable(stream.frames), texts);
    }
    assert.equal(plain.all('deflated').length, 0);
    assert.equal(unknown.all('deflated').length, 0);
    assert.equal(compressed.all('deflated').length, 2);
    const sent = compressed.all('deflated').reduce((sum, { length }) => sum + length, 0);
    const { compressionSavedBytes } = gateway.stats;
    assert.ok(compressionSavedBytes > 2 * payload.length - sent, `${compressionSavedBytes} bytes saved`);
    assert.ok(compressionSavedBytes < 2 * payload.length + 300, `${compressionSavedBytes} bytes saved`);
  });

  for (const transport of transports)
    it(`of a client by ${transport.name} loses nothing, and less is transferred`, async () => {
      const recorder = new RunRecorder();
      const endpoints = [transport.endpointAt(transport.addressOf(gateway))];
      const [lean, plain] = [
        gateway.client({ endpoints, compression: 'deflate' }),
        gateway.client({ endpoints }),
      ];
      for (const client of [lean, plain]) recorder.follow(client, 'tea');
      for (let n = 0; n < 50; n++) await recorder.publish(publisher, 'tea', { type: 'gift', payload });
      assertGuarantees(await recorder.finish(gateway.client()));
      const ratio = lean.counters.bytesReceived / plain.counters.bytesReceived;
      assert.ok(ratio < 0.3, `${ratio} of the bytes`);
    });
});
