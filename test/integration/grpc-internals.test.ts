import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { connect, createServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import type { ServerInterceptingCallInterface, ServiceError } from '@grpc/grpc-js';
import { ChannelCredentials, Server, ServerInterceptingCall, status } from '@grpc/grpc-js';
import { abortable, abortableTarget } from '../../client/transports/grpc/internals/dial.ts';
import { incomingFrame } from '../../client/transports/grpc/internals/incoming-frame.ts';
import { SocketRevealingCredentials } from '../../client/transports/grpc/internals/revealed-socket.ts';
import { systemClock } from '../../common/clock.ts';
import { NO_PAYLOAD } from '../../protos/beside-payload.ts';
import { LiveStub, liveService } from '../../protos/live.ts';
import { prefixedFrame } from '../../server/log/frame-prefix.ts';
import { createLogger } from '../../server/observability/logging.ts';
import { Refusals } from '../../server/session/refusals.ts';
import { metadataOf } from '../../server/transport/grpc/call-metadata.ts';
import { GrpcCarrier } from '../../server/transport/grpc/carrier.ts';
import { Connections } from '../../server/transport/grpc/connections.ts';
import type { Http2Guard } from '../../server/transport/grpc/http2-server.ts';
import { guardHttp2 } from '../../server/transport/grpc/http2-server.ts';
import { http2StreamOf } from '../../server/transport/grpc/http2-stream.ts';
import type { Listener } from '../../server/transport/grpc/listener.ts';
import { listen } from '../../server/transport/grpc/listener.ts';
import { MessageDecoder } from '../../server/transport/grpc/message-decoder.ts';
import { Origins } from '../../server/transport/connections/origins.ts';
import { Receiving } from '../../server/transport/connections/receiving.ts';
import { deafPort } from '../helpers/deaf-port.ts';
import { until } from '../helpers/poll.ts';

/** One for each thing that is taken of grpc-js without a public name: whoever changes its version sees here what has moved. */
describe('the internals of grpc-js that are used', () => {
  const origin = { address: '192.0.2.1', name: '192.0.2.1:1' };
  const insecure = (): ChannelCredentials => ChannelCredentials.createInsecure();

  describe('by the gateway', () => {
    let server: Server;
    let listener: Listener;
    let stub: InstanceType<typeof LiveStub>;
    let arrived: Promise<ServerInterceptingCallInterface>;

    beforeEach(async () => {
      let arrive: (call: ServerInterceptingCallInterface) => void;
      arrived = new Promise((resolve) => (arrive = resolve));
      const interceptor = (_: unknown, call: ServerInterceptingCallInterface): ServerInterceptingCall => {
        arrive(call);
        return new ServerInterceptingCall(call);
      };
      server = new Server({ interceptors: [interceptor] });
      server.addService(liveService, {});
      listener = await listen(
        server,
        { host: '127.0.0.1', port: 0 },
        { clock: systemClock, timeoutMs: 30_000 },
        { origins: new Origins([]) },
      );
      stub = new LiveStub(listener.address, insecure());
      stub.connect().on('error', () => undefined);
    });

    afterEach(async () => {
      stub.close();
      await listener.close();
      server.forceShutdown();
    });

    it('call.stream: the HTTP/2 stream, with its connection', async () => {
      const stream: ServerHttp2Stream = http2StreamOf(await arrived);
      assert.equal(typeof stream.id, 'number');
      assert.equal(stream.session?.destroyed, false);
      assert.throws(() => http2StreamOf({}), /keeps the HTTP\/2 stream of a call elsewhere/);
    });

    it('call.decoder: what puts messages together, and may be another', async () => {
      const call = await arrived;
      const { decoder } = call as unknown as { decoder: { write(bytes: Buffer): Buffer[] } };
      const messages = Buffer.concat([prefixedFrame(Buffer.from('one')), prefixedFrame(Buffer.from('two'))]);
      assert.deepEqual(
        decoder.write(messages).map((message) => message.subarray(5).toString()),
        ['one', 'two'],
      );
      const receiving = new Receiving(
        systemClock,
        { bytes: 1024 * 1024, timeoutMs: 1_000 },
        new Refusals(createLogger('silent')),
      );
      const ours = MessageDecoder.replace(call, 'stream', NO_PAYLOAD, receiving, origin);
      assert.equal((call as unknown as { decoder: unknown }).decoder, ours);
      const other = { stream: http2StreamOf(call) } as never;
      assert.throws(
        () => MessageDecoder.replace(other, 'stream', NO_PAYLOAD, receiving, origin),
        /keeps the decoder of a call elsewhere/,
      );
      receiving.close();
    });

    it('call.metadata: what has come with it, before it is started', async () => {
      const call = await arrived;
      assert.match(String(metadataOf(call).get('user-agent')), /grpc/);
      assert.throws(() => metadataOf({}), /keeps the metadata of a call elsewhere/);
    });

    it('createHttp2Server: the HTTP/2 server of an injector, and who takes its streams', async () => {
      const guarded = new Server();
      const seen: string[] = [];
      const guard: Http2Guard = {
        connected: () => seen.push('connected'),
        tooManyHeaders: () => seen.push('too many headers'),
        noSuchMethod: (_, answer) => {
          seen.push('no such method');
          answer();
        },
        opened: (_, start) => {
          seen.push('opened');
          start();
        },
      };
      guardHttp2(guarded, guard);
      const ending = { clock: systemClock, timeoutMs: 30_000 };
      const layers = { origins: new Origins([]) };
      const entrance = await listen(guarded, { host: '127.0.0.1', port: 0 }, ending, layers);
      const client = new LiveStub(entrance.address, insecure());
      const { code } = await new Promise<ServiceError>((resolve) =>
        client.getRoom({ room: 'tea' }, (error) => resolve(error as ServiceError)),
      );
      assert.equal(status[code], 'UNIMPLEMENTED', 'gRPC has answered');
      assert.deepEqual(seen, ['connected', 'opened', 'no such method']);
      const other = { addService: undefined } as unknown as Server;
      assert.throws(() => guardHttp2(other, guard), /makes its HTTP\/2 servers otherwise/);
      client.close();
      await entrance.close();
      guarded.forceShutdown();
    });

    it('_handle: nothing more is read of an HTTP/2 connection, until it is', async () => {
      const peer = (await arrived).getPeer();
      const session = connect(`http://${listener.address}`);
      await once(session, 'remoteSettings');
      const { localAddress, localPort } = session.socket;
      const name = `${localAddress}:${localPort}`;
      assert.notEqual(name, peer);
      listener.read(name, false);
      let answered = false;
      session.ping(() => (answered = true));
      const other = connect(`http://${listener.address}`);
      await new Promise((resolve) => other.once('remoteSettings', () => other.ping(resolve)));
      assert.equal(answered, false);
      listener.read(name, true);
      await until('it is answered', () => answered);
      session.destroy();
      other.destroy();
    });

    it('call.getPeer: the connection by the name that its socket has', async () => {
      const call = await arrived;
      assert.ok(listener.has(call.getPeer()), call.getPeer());
      listener.terminate(call.getPeer());
      await until('the connection is gone', () => listener.connections === 0);
    });

    it('call.getPeer: a carrier whose connection goes by another name is refused at once', () => {
      const stream = Object.assign(new PassThrough(), { session: { destroyed: false } });
      const call = { stream, getPeer: () => 'ipv4:1.2.3.4:5' } as unknown as ServerInterceptingCallInterface;
      assert.throws(
        () =>
          new GrpcCarrier(
            call,
            { owner: undefined, origin, next: () => undefined },
            {
              connections: new Connections(),
              intake: { read: () => undefined },
              served: () => undefined,
              listener,
            },
          ),
        /names peers otherwise: ipv4:1\.2\.3\.4:5/,
      );
    });
  });

  describe('by the client', () => {
    it('_createSecureConnector: the socket of a connection, before anything is read', async () => {
      // Either end may be told of the other's by a reset.
      const server = createServer();
      server.on('sessionError', () => undefined);
      server.on('stream', (stream) => stream.on('error', () => undefined));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const revealed: Socket[] = [];
      const credentials = new SocketRevealingCredentials(insecure(), (socket) =>
        revealed.push(socket.on('error', () => undefined)),
      );
      const stub = new LiveStub(`127.0.0.1:${port}`, credentials);
      stub.connect().on('error', () => undefined);
      await until('the socket is shown', () => revealed.length > 0);
      assert.equal(revealed[0]?.remotePort, port);
      for (const socket of revealed) socket.destroy();
      stub.close();
      server.close();
    });

    it('decoder.readMessageSize, readMessageRemaining: how much has come of a message', async () => {
      const message = prefixedFrame(Buffer.alloc(1_000));
      const server = createServer((_, response) => {
        response.writeHead(200, { 'content-type': 'application/grpc' });
        response.write(message.subarray(0, 405));
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const stub = new LiveStub(`127.0.0.1:${port}`, insecure());
      const call = stub.connect();
      call.on('error', () => undefined).on('data', () => undefined);
      await until('a part has come', () => incomingFrame(call) !== undefined);
      assert.deepEqual(incomingFrame(call), { bytes: 400, total: 1_000 });
      call.cancel();
      stub.close();
      server.close();
    });

    it('experimental.registerResolver: an attempt to connect ends with its signal', async () => {
      await using deaf = await deafPort();
      const dialling = (): number =>
        process
          .getActiveResourcesInfo()
          .filter((name) => name === 'TCPConnectWrap' || name === 'TCPSocketWrap').length;
      const before = dialling();
      const given = new AbortController();
      const stub = new LiveStub(abortableTarget(deaf.address), insecure(), abortable({}, given.signal));
      stub.connect().on('error', () => undefined);
      await until('it is dialling', () => dialling() > before);
      given.abort();
      stub.close();
      await until('nothing is left of it', () => dialling() <= before);
    });
  });
});
