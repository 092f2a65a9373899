import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { get } from 'node:http';
import { systemClock } from '../../common/clock.ts';
import { liveService } from '../../protos/live.ts';
import { prefixedFrame } from '../../server/log/frame-prefix.ts';
import { Failure } from '../../server/session/failure.ts';
import { HttpCall } from '../../server/transport/api/http-call.ts';
import { Origins } from '../../server/transport/connections/origins.ts';
import type { HttpServer } from '../../server/transport/http/server.ts';
import { serveHttp } from '../../server/transport/http/server.ts';
import { BatchTexts } from '../../server/transport/sse/batch-texts.ts';
import { SseCarrier } from '../../server/transport/sse/carrier.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { until } from '../helpers/poll.ts';
import type { Told } from '../helpers/told.ts';
import { noting } from '../helpers/told.ts';

const LIFETIME_MS = 300_000;
/** More than all sockets between here and there take. */
const LARGE = 'x'.repeat(16 * 2 ** 20);

describe('Resumable, Isolated: what is large is taken in parts over HTTP', () => {
  let clock: ManualClock;
  let server: HttpServer;
  let requests: { readonly request: IncomingMessage; readonly response: ServerResponse }[];

  beforeEach(async () => {
    clock = new ManualClock();
    requests = [];
    server = await serveHttp({
      address: { host: '127.0.0.1', port: 0 },
      certificates: undefined,
      reception: { origins: new Origins([]) },
      failed: (error) => assert.fail(error),
      clock: systemClock,
      watch: () => () => undefined,
      routes: [{ prefix: '/', handle: (request, response) => requests.push({ request, response }) }],
    });
  });

  afterEach(() => server.close());

  /** The body of an answer, of which nothing is taken that is not asked for. */
  class Body {
    text = '';
    #ended = false;
    #wanted = 0;
    readonly #response: Promise<IncomingMessage>;

    constructor() {
      const asked = get(`http://${server.address}/`);
      this.#response = once(asked, 'response').then(([response]) => this.#begin(response as IncomingMessage));
    }

    /** Takes so many characters at least, or all that there are. */
    async take(length: number): Promise<void> {
      this.#wanted = length;
      (await this.#response).resume();
      await until('it is taken', () => this.#ended || this.text.length >= length);
    }

    async leave(): Promise<void> {
      (await this.#response).destroy();
    }

    #begin(response: IncomingMessage): IncomingMessage {
      response.once('close', () => (this.#ended = true)).on('error', () => undefined);
      response.on('data', (chunk: Buffer) => {
        this.text += chunk.toString('latin1');
        if (this.text.length >= this.#wanted) response.pause();
      });
      return response.pause();
    }
  }

  const arrived = () => until('the request is there', () => requests[0]);

  describe('events', () => {
    let told: Told;
    let carrier: SseCarrier;
    let body: Body;

    beforeEach(async () => {
      told = [];
      body = new Body();
      const { request, response } = await arrived();
      carrier = new SseCarrier(
        { request, response, peer: 'x', token: undefined, frames: [] },
        { texts: new BatchTexts(), random: () => 0, clock, lifetimeMs: 2 * LIFETIME_MS, alone: () => false },
      );
      carrier.open(noting(told));
      carrier.write([frame({ joined: { cursor: { epoch: 'e', seq: 0 } } })]);
      await until('it is written', () => told.shift());
    });

    /** Has a large message on its way, of which a part was taken. */
    async function block(): Promise<void> {
      carrier.write([frame({ batch: { reliable: [{ seq: 1, payload: Buffer.from(LARGE) }] } })]);
      await until('a part is taken', () => told.includes('progressed'));
    }

    it('of which a part is taken are seen to be taken, and written when all is', async () => {
      await block();
      const before = told.length;
      await body.take(LARGE.length / 2);
      await until('more is taken', () => told.length > before + 10);
      assert.ok(told.every((what) => what === 'progressed'));
      await body.take(LARGE.length);
      await until('all is', () => told.at(-1) === 'written');
    });

    it('that are written together come in order, and are written when all are', async () => {
      const caughtUp = [1, 2, 3].map((seq) => frame({ caughtUp: { cursor: { epoch: 'e', seq } } }));
      carrier.write([...caughtUp, frame({ batch: { reliable: [{ seq: 4, payload: Buffer.from(LARGE) }] } })]);
      await body.take(LARGE.length);
      await until('all is', () => told.includes('written'));
      assert.deepEqual(new Set(told.slice(0, -1)), new Set(['progressed']));
      assert.deepEqual(body.text.match(/(?<=id: )\S+/g)?.length, 5);
    });

    it('come whole before the reason for which the stream ends', async () => {
      await block();
      carrier.refuse(new Failure('USER_BANNED', 'no more'));
      await body.take(Infinity);
      const [message, end] = body.text.split('x'.repeat(100)).slice(-2);
      assert.equal(message, '');
      assert.match(
        String(end),
        /^x*"}\n\nretry: 1000\n\nevent: refused\ndata: {"reason":"USER_BANNED".*}\n\n$/,
      );
      assert.deepEqual(told.slice(-1), ['closed']);
    });

    it('come whole before the stream ends that is ended', async () => {
      await block();
      carrier.end();
      await body.take(Infinity);
      assert.ok(body.text.endsWith(`${LARGE}"}\n\n`));
      assert.deepEqual(told.slice(-1), ['closed']);
    });

    it('come whole before the stream ends that has lived its time', async () => {
      await block();
      clock.advance(LIFETIME_MS);
      await body.take(Infinity);
      assert.ok(body.text.endsWith(`${LARGE}"}\n\nretry: 100\n\n`));
      assert.deepEqual(told.slice(-3), ['written', 'halfClosed', 'closed']);
    });

    it('that come behind the end are as good as taken', async () => {
      clock.advance(LIFETIME_MS);
      carrier.write([frame({ caughtUp: { cursor: { epoch: 'e', seq: 1 } } })]);
      await until('the stream ends', () => told.includes('halfClosed'));
      told.length = 0;
      carrier.write([frame({ caughtUp: { cursor: { epoch: 'e', seq: 2 } } })]);
      await until('it is told', () => told.includes('written'));
      await body.take(Infinity);
      assert.equal(body.text.split('event: caught-up').length, 2);
    });
  });

  it('a part of an answer keeps its client from being taken for stuck, whenever some of it is taken', async () => {
    const body = new Body();
    const { request, response } = await arrived();
    const url = new URL('http://gateway/');
    const call = new HttpCall({ request, response, url, origin: { name: 'x', address: 'x' } }, clock);
    const written = call.write(Buffer.from(LARGE));
    assert.equal(call.blockedSinceMs, 0);
    await body.take(1);
    clock.advance(1_000);
    await body.take(LARGE.length / 2);
    await until('it is seen', () => call.blockedSinceMs === 1_000);
    await body.take(LARGE.length);
    await written;
    assert.equal(call.blockedSinceMs, undefined);
  });

  it('a part of an answer that nobody is there any more to take is as good as taken', async () => {
    const body = new Body();
    const { request, response } = await arrived();
    const url = new URL('http://gateway/');
    const call = new HttpCall({ request, response, url, origin: { name: 'x', address: 'x' } }, clock);
    const written = call.write(Buffer.from(LARGE));
    await body.leave();
    await written;
    await call.write(Buffer.from(LARGE));
  });
});

function frame(input: Parameters<typeof liveService.Connect.responseSerialize>[0]): Buffer {
  return prefixedFrame(liveService.Connect.responseSerialize(input));
}
