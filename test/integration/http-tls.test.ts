import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import type { Identity } from '../helpers/certificates.ts';
import { Authority } from '../helpers/certificates.ts';
import { HandEventSource } from '../helpers/event-source.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

/** How often the gateway looks at the files. */
const LOOK_MS = 5_000;

/** What a request came back with. */
interface Answer {
  readonly status: number | undefined;
  readonly body: Record<string, unknown>;
  /** Of the certificate that it was answered under. */
  readonly serial: string;
}

describe('Resumable: server-sent events and JSON by TLS', () => {
  let nats: TestNats;
  let directory: TempDir;
  let authority: Authority;
  let identities: readonly [Identity, Identity];
  let viewer: Identity;
  let files: { tlsCert: string; tlsKey: string };
  let clock: SkippingClock;
  let gateway: TestGateway;
  let source: HandEventSource | undefined;

  before(async () => {
    nats = await startNats();
    directory = await tempDir();
    authority = await Authority.create(directory.path);
    identities = await Promise.all([authority.issue(), authority.issue()]);
    viewer = await authority.issue('DNS:viewer');
    files = { tlsCert: join(directory.path, 'tls.crt'), tlsKey: join(directory.path, 'tls.key') };
  });

  after(async () => {
    await nats.stop();
    await directory[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    clock = new SkippingClock();
    await write(identities[0]);
  });

  afterEach(async () => {
    source?.close();
    source = undefined;
    await gateway.close();
  });

  async function write({ cert, key }: Identity): Promise<void> {
    await writeFile(files.tlsCert, cert);
    await writeFile(files.tlsKey, key);
  }

  async function serve(overrides: Parameters<typeof startTestGateway>[1] = {}): Promise<void> {
    const http = { host: '127.0.0.1', port: 0 };
    gateway = await startTestGateway(nats.url, { ...files, http, heartbeatMs: 100, ...overrides }, { clock });
  }

  /** Publishes a gift, or describes the room, on a connection of its own. */
  function ask(room: string, payload?: string, identity?: Identity): Promise<Answer> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': `${room}-${payload}` };
    const path = payload === undefined ? '' : '/messages';
    return new Promise((resolve, reject) => {
      const asked = request(`https://${gateway.http}/v1/rooms/${room}${path}`, {
        method: payload === undefined ? 'GET' : 'POST',
        headers,
        agent: false,
        ca: authority.ca,
        ...(identity && { cert: identity.cert, key: identity.key }),
      });
      asked.on('error', reject);
      asked.on('response', (response) => {
        const { socket } = response;
        const serial = socket instanceof TLSSocket ? socket.getPeerCertificate().serialNumber : '';
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () =>
          resolve({ status: response.statusCode, body: JSON.parse(text) as Answer['body'], serial }),
        );
      });
      asked.end(payload === undefined ? undefined : JSON.stringify({ type: 'gift', payload }));
    });
  }

  function watch(room: string): HandEventSource {
    source = new HandEventSource(`https://${gateway.http}/v1/rooms/${room}/events?from=earliest`, {
      ca: authority.ca,
    });
    return source;
  }

  it('are served, and nothing on that port without TLS', async () => {
    await serve();
    const events = watch('one');
    await events.next('caught-up');
    assert.deepEqual((await ask('one', 'rose')).body, { seq: 1, duplicate: false });
    await events.next('message');
    assert.deepEqual((await ask('one', 'rose')).body, { seq: 1, duplicate: true });
    assert.equal((await ask('one')).body['head'], 1);
    await assert.rejects(fetch(`http://${gateway.http}/v1/rooms/one`));
    assert.deepEqual(events.payloads, ['rose']);
  });

  it('have a new certificate when there is one, and those that watch stay', async () => {
    await serve();
    const events = watch('two');
    await events.next('caught-up');
    const { serial } = await ask('two', 'before');
    await write(identities[1]);
    clock.skip(LOOK_MS);
    const renewed = await until('it has the new one', async () => {
      const answer = await ask('two', 'after');
      return answer.serial === serial ? undefined : answer;
    });
    assert.equal(renewed.status, 200);
    await events.next('message', 2);
    assert.equal(events.responses.length, 1, 'the stream goes on under the old one');
    events.retryMs = 10;
    events.breakOff();
    await events.next('joined', 2);
    await ask('two', 'last');
    await events.next('message', 3);
    assert.deepEqual(events.payloads, ['before', 'after', 'last']);
  });

  it('ask for a certificate of the client where gRPC does', async () => {
    await serve({ tlsClientCa: authority.caFile });
    await assert.rejects(ask('three'), /certificate required|ECONNRESET|socket hang up/);
    assert.equal((await ask('three', 'rose', viewer)).status, 200);
  });
});
