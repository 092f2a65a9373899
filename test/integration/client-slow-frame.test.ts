import assert from 'node:assert/strict';
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { LiveClientOptions } from '../../client/index.ts';
import { grpcTransport, LiveClient } from '../../client/index.ts';
import type { Link, Transport } from '../../client/core/transport.ts';
import { encodeServerFrame } from '../../protos/live.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { until } from '../helpers/poll.ts';
import { batch, joined } from '../helpers/scripted-client.ts';
import { grpcMessage } from '../helpers/tcp-viewer.ts';

const HEARTBEAT_MS = 1_000;
const SILENCE_MS = 2 * HEARTBEAT_MS + 250;
const welcome = grpcMessage(encodeServerFrame({ welcome: { session: 's', heartbeatMs: HEARTBEAT_MS } }));

/** A server that welcomes, and whose bytes are then moved by the test. */
class BytewiseServer {
  readonly #server: Http2Server;
  #session: ServerHttp2Session | undefined;
  #stream: ServerHttp2Stream | undefined;
  /** Streams that were welcomed. */
  welcomed = 0;

  constructor() {
    this.#server = createServer();
    this.#server.on('session', (session) => {
      this.#session = session;
      session.on('error', () => undefined);
    });
    this.#server.on('stream', (stream) => {
      this.#stream = stream;
      stream.on('error', () => undefined).resume();
      stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' });
      stream.write(welcome);
      this.welcomed += 1;
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  write(bytes: Uint8Array): void {
    this.#stream?.write(bytes);
  }

  /** Ends the connection as a process that dies. */
  die(): void {
    this.#session?.destroy();
  }

  close(): void {
    this.die();
    this.#server.close();
  }
}

describe('a frame that comes in parts', () => {
  let server: BytewiseServer;
  let clock: ManualClock;
  let links: Link[];
  let client: LiveClient;
  const large = grpcMessage(
    encodeServerFrame(
      batch('r1', ...Array.from({ length: 5_000 }, (_, n): [number, number] => [n + 2, n + 1])),
    ),
  );
  const total = large.length - 5;
  const half = large.subarray(0, large.length >> 1);

  async function connect(options: Partial<LiveClientOptions> = {}): Promise<void> {
    const inner = grpcTransport();
    const transport: Transport = {
      ...inner,
      open(endpoint, handlers) {
        const link = inner.open(endpoint, handlers);
        links.push(link);
        return link;
      },
    };
    client = new LiveClient({ endpoints: [await server.listen()], clock, transport, ...options });
  }

  const welcomed = (): Promise<unknown> => until('the client is live', () => client.state.kind === 'live');
  const halfCame = (): Promise<unknown> =>
    until('half of the frame has come', () => links.at(-1)?.incoming?.bytes === half.length - 5);

  beforeEach(() => {
    server = new BytewiseServer();
    clock = new ManualClock();
    links = [];
  });

  afterEach(async () => {
    await client.close();
    server.close();
  });

  it('is told with what has come of it and how large it is', async () => {
    await connect();
    const told: unknown[] = [];
    client.on('slow', (...slow) => told.push(slow));
    const events = client.join('r1')[Symbol.asyncIterator]();
    await welcomed();
    assert.equal(links[0]?.incoming, undefined, 'between two frames');
    server.write(grpcMessage(encodeServerFrame(joined('r1', 1))));
    await events.next();
    server.write(half);
    await halfCame();
    clock.advance(SILENCE_MS);
    assert.deepEqual(told, [[half.length - 5, SILENCE_MS, total]]);
    server.write(large.subarray(half.length));
    const { value } = await events.next();
    assert.equal(value?.kind, 'message');
    assert.equal(links[0]?.incoming, undefined);
    assert.equal(client.counters.connects, 1);
  });

  it('and never whole makes the client wait longer each time, until something came of a connection', async () => {
    await connect({ backoff: { baseMs: 100, maxMs: 1_000 }, random: () => 1 });
    const events = client.join('r1')[Symbol.asyncIterator]();
    const delays: number[] = [];
    const die = async (): Promise<void> => {
      server.die();
      const { delayMs } = await until('the client waits', () =>
        client.state.kind === 'backoff' ? client.state : undefined,
      );
      delays.push(delayMs);
      clock.advance(delayMs);
    };
    for (let times = 0; times < 6; times += 1) {
      await welcomed();
      server.write(half);
      await halfCame();
      await die();
    }
    await welcomed();
    server.write(grpcMessage(encodeServerFrame(joined('r1', 1))));
    server.write(large);
    await events.next();
    await until('a message has come', async () => (await events.next()).value?.kind === 'message');
    await die();
    await welcomed();
    await die();
    assert.deepEqual(delays, [100, 200, 400, 800, 1_000, 1_000, 100, 200]);
  });
});
