import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { status } from '@grpc/grpc-js';
import type { LiveClient, RoomInfo } from '../../client/index.ts';
import { seededRandom } from '../../common/random.ts';
import type { JoinInput } from '../../protos/gen/live/v1/Join.ts';
import type { PublishRequestInput } from '../../protos/gen/live/v1/PublishRequest.ts';
import type { Refusal } from '../../protos/gen/live/v1/Refusal.ts';
import { prefixed } from '../../protos/enum-names.ts';
import type { ClientFrameInput } from '../../protos/live.ts';
import { liveService } from '../../protos/live.ts';
import type { KnownReason } from '../../protos/reasons.ts';
import { reasons } from '../../protos/reasons.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import type { CallEnd } from '../helpers/raw-stream.ts';
import { endOf, rawPublish, RawStream, rawStub } from '../helpers/raw-stream.ts';
import type { RoomRecording } from '../helpers/recorder.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';

const SEED = Number(process.env['LIVE_TEST_SEED'] ?? Date.now() % 1_000_000);
const MAX_SEQ = String(2n ** 64n - 1n);
const hello: ClientFrameInput = { hello: { client: 'bad' } };
const badRoomNames = ['', ' ', 'a b', 'a.b', 'live.room.x', '*', '>', 'ä', 'a\n', '\0', 'x'.repeat(65)];
const tooLarge = Buffer.alloc(1024 * 1024 + 1);

describe(`Isolated: bad input (LIVE_TEST_SEED=${SEED})`, () => {
  const random = seededRandom(SEED);
  let nats: TestNats;
  let gateway: TestGateway;
  let clock: SkippingClock;
  let recorder: RunRecorder;
  let streams: RawStream[] = [];
  let sockets: Socket[] = [];
  let healthy: { publisher: LiveClient; viewer: LiveClient; recording: RoomRecording };
  /** What the healthy viewer and its publisher have open. */
  let usual: { sessions: number; connections: number };

  before(async () => {
    nats = await startNats();
    clock = new SkippingClock();
    gateway = await startTestGateway(nats.url, {}, { clock });
    recorder = new RunRecorder();
    const [publisher, viewer] = [gateway.client(), gateway.client()];
    healthy = { publisher, viewer, recording: recorder.follow(viewer, 'healthy') };
    await until('the healthy viewer is live', () =>
      healthy.recording.events.some(({ kind }) => kind === 'caught-up'),
    );
    await serveHealthy();
    const { sessions, connections } = gateway.stats;
    usual = { sessions, connections };
  });

  // Whatever was tried, the healthy viewer is served while it is still there, and nothing stays open.
  afterEach(async () => {
    await serveHealthy();
    for (const stream of streams) stream.close();
    for (const socket of sockets) socket.destroy();
    streams = [];
    sockets = [];
    await until('nothing more is open than usual', () => {
      const { sessions, connections } = gateway.stats;
      return sessions === usual.sessions && connections === usual.connections;
    });
  });

  after(async () => {
    for (const { counters } of [healthy.publisher, healthy.viewer]) assert.equal(counters.connects, 1);
    assertGuarantees(await recorder.finish(gateway.client()));
    await gateway.close();
    await nats.stop();
  });

  /** Publishes to the healthy viewer; resolves when it has the message. */
  async function serveHealthy(): Promise<void> {
    const { publisher, recording } = healthy;
    const before = recording.messages.length;
    await recorder.publish(publisher, 'healthy', { type: 'gift', payload: 'still here' });
    await until('the healthy viewer is served', () => recording.messages.length > before);
  }

  function open(...frames: ClientFrameInput[]): RawStream {
    const stream = new RawStream(gateway.address);
    streams.push(stream);
    stream.send(...frames);
    return stream;
  }

  function dial(): Socket {
    const [host = '', port] = gateway.address.split(':');
    const socket = connect(Number(port), host);
    socket.on('error', () => undefined);
    sockets.push(socket);
    return socket;
  }

  async function describeRoom(room: string): Promise<RoomInfo> {
    const client = gateway.client();
    try {
      return await client.room(room);
    } finally {
      await client.close();
    }
  }

  function assertEnd({ code, reason }: CallEnd, expected: KnownReason): void {
    assert.deepEqual({ code, reason }, { code: status[reasons[expected].code], reason: expected });
  }

  /** What a frame says of the refusal; when to try again, it says only if that makes sense. */
  function assertRefusal(refusal: Refusal | null | undefined, reason: KnownReason): asserts refusal {
    assert.ok(refusal);
    const { code, retry } = reasons[reason];
    assert.deepEqual(
      { code: refusal.code, reason: refusal.reason, retry: refusal.retryAfterMs !== undefined },
      { code, reason: prefixed('REASON', reason), retry: retry !== 'never' },
      refusal.message,
    );
    assert.notEqual(refusal.message, '');
  }

  /** The stream still answers. */
  async function assertLives(stream: RawStream): Promise<void> {
    const before = stream.all('pong').length;
    stream.send({ ping: { nonce: before } });
    assert.equal((await stream.next('pong', before + 1)).nonce, String(before));
  }

  describe('that ends the stream', () => {
    const cases: [name: string, frames: ClientFrameInput[], reason: KnownReason][] = [
      ['a Join before Hello', [{ join: { room: 'tea', start: { live: {} } } }], 'HELLO_EXPECTED'],
      ['a Ping before Hello', [{ ping: {} }], 'HELLO_EXPECTED'],
      ['a second Hello', [hello, hello], 'HELLO_REPEATED'],
      [
        'a second Hello after joins',
        [hello, { join: { room: 'tea', start: { live: {} } } }, hello],
        'HELLO_REPEATED',
      ],
      ['an empty frame first', [{}], 'HELLO_EXPECTED'],
    ];
    for (const [name, frames, reason] of cases) {
      it(`${name}: ${reason}`, async () => {
        assertEnd(await open(...frames).end(), reason);
      });
    }

    it('garbage bytes: MALFORMED_FRAME', async () => {
      const first = open();
      first.bytes(Buffer.from('ffffffffffff', 'hex'));
      assertEnd(await first.end(), 'MALFORMED_FRAME');
      const later = open(hello);
      later.bytes(Buffer.from('0aff', 'hex'));
      assertEnd(await later.end(), 'MALFORMED_FRAME');
    });

    it('random bytes: a reason, whatever they are', async () => {
      for (let n = 0; n < 100; n++) {
        const stream = open(hello);
        const bytes = Buffer.from(
          Array.from({ length: 1 + Math.floor(random() * 40) }, () => random() * 256),
        );
        stream.bytes(bytes);
        // Some are a frame by chance; what follows is none.
        stream.bytes(Buffer.from('0aff', 'hex'));
        const { code, reason } = await stream.end();
        assert.ok(['INVALID_ARGUMENT', 'FAILED_PRECONDITION'].includes(code), bytes.toString('hex'));
        assert.ok(reason === 'MALFORMED_FRAME' || reason === 'HELLO_REPEATED', bytes.toString('hex'));
      }
    });

    it('no Hello at all: HELLO_TIMEOUT', async () => {
      const stream = open();
      await until('the stream is there', () => gateway.stats.sessions > usual.sessions);
      clock.skip(10_000);
      assertEnd(await stream.end(), 'HELLO_TIMEOUT');
    });

    it('a Hello of 64 KiB: REQUEST_TOO_LARGE', async () => {
      const stream = open({ hello: { client: 'test', features: Array<1>(65 * 1024).fill(1) } });
      assertEnd(await stream.end(), 'REQUEST_TOO_LARGE');
    });

    it('a message of more than 4 MiB: REQUEST_TOO_LARGE', async () => {
      const stream = open(hello);
      stream.bytes(Buffer.alloc(5 * 1024 * 1024));
      assertEnd(await stream.end(), 'REQUEST_TOO_LARGE');
    });
  });

  describe('that is refused while the stream lives', () => {
    /** Expects one RoomError in answer to the last frame. */
    async function assertRefused(reason: KnownReason, ...frames: ClientFrameInput[]): Promise<RawStream> {
      const stream = open(hello, ...frames);
      const error = await stream.next('roomError');
      assertRefusal(error.refusal, reason);
      await assertLives(stream);
      return stream;
    }

    for (const room of badRoomNames) {
      it(`a Join of room ${JSON.stringify(room.slice(0, 20))}: ROOM_NAME_INVALID`, async () => {
        await assertRefused('ROOM_NAME_INVALID', { join: { room, start: { live: {} } } });
      });
    }

    it('a room name of 60 KiB is not sent back', async () => {
      const room = 'x'.repeat(60 * 1024);
      const stream = open(hello, { join: { room, start: { live: {} } } });
      const error = await stream.next('roomError');
      assertRefusal(error.refusal, 'ROOM_NAME_INVALID');
      assert.ok(error.room.length + error.refusal.message.length < 1_000);
    });

    it('a Leave of a room that was not joined: NOT_JOINED', async () => {
      await assertRefused('NOT_JOINED', { leave: { room: 'tea' } });
      await assertRefused('NOT_JOINED', { leave: {} });
    });

    it('a Join of a room that is joined: ALREADY_JOINED; the room goes on', async () => {
      const join = { join: { room: 'twice', start: { live: {} } } };
      const stream = await assertRefused('ALREADY_JOINED', join, join);
      await stream.next('caughtUp');
      await rawPublish(gateway.address, { room: 'twice', type: 'gift' });
      await until('the message has come', () => stream.reliable.length === 1);
      assert.equal(stream.all('joined').length, 1);
    });

    const badStarts: [name: string, start: JoinInput['start']][] = [
      ['at the last 0', { last: 0 }],
      ['since a time that is none', { sinceMs: MAX_SEQ }],
      ['since a negative time', { sinceMs: '-1' }],
      ['since a year with five digits', { sinceMs: Date.UTC(10_000, 0) }],
      ['of no kind', {}],
    ];
    for (const [name, start] of badStarts) {
      it(`a start ${name}: START_INVALID`, async () => {
        await assertRefused('START_INVALID', { join: { room: 'tea', start: start! } });
      });
    }

    it('a Join that does not say where to begin: START_INVALID', async () => {
      await assertRefused('START_INVALID', { join: { room: 'tea' } });
    });

    const unknown: [name: string, bytes: Buffer][] = [
      ['an empty frame', Buffer.alloc(0)],
      ['a frame of a later version', Buffer.from('fa070161', 'hex')],
    ];
    for (const [name, bytes] of unknown) {
      it(`${name}: UNKNOWN_FRAME, with the number of the frame`, async () => {
        const stream = open(hello, { ping: {} });
        for (let n = 0; n < 2; n++) {
          stream.bytes(bytes);
          const error = await stream.next('frameError', n + 1);
          assert.equal(error.frame, String(3 + n));
          assertRefusal(error.refusal, 'UNKNOWN_FRAME');
        }
        await assertLives(stream);
      });
    }

    it('thousands of Joins: TOO_MANY_ROOMS beyond the limit, and the others are served', async () => {
      // Rooms of earlier tests are kept for a while, and would close at some moment of this one.
      clock.skip(30_000);
      await until('only the healthy room is open', () => gateway.stats.rooms === 1);
      const stream = open(hello);
      const { limits } = await stream.next('welcome');
      const allowed = limits?.rooms ?? 0;
      const joins = 3_000;
      for (let n = 0; n < joins; n++) stream.send({ join: { room: `many-${n}`, start: { live: {} } } });
      await until('every Join is answered', () => {
        return (
          stream.all('caughtUp').length === allowed && stream.all('roomError').length === joins - allowed
        );
      });
      assert.ok(stream.all('roomError').every(({ refusal }) => refusal?.reason === 'REASON_TOO_MANY_ROOMS'));
      assert.equal(gateway.stats.rooms, allowed + 1);
      await assertLives(stream);
      stream.close();
      await until('the stream is gone', () => gateway.stats.sessions === usual.sessions);
      clock.skip(30_000);
      await until('the rooms are gone', () => gateway.stats.rooms === 1);
    });

    it('acknowledgements of what never was are ignored', async () => {
      const stream = open(hello, { ack: { room: 'never', seq: MAX_SEQ } }, { ack: {} });
      await assertLives(stream);
    });
  });

  describe('that is taken as it is meant', () => {
    beforeEach(async () => {
      for (let n = 0; n < 3; n++) {
        await rawPublish(gateway.address, { room: 'kept', type: 'gift', payload: Buffer.from(String(n)) });
      }
    });

    const joins: [name: string, join: Omit<JoinInput, 'room'>, outcome: string][] = [
      ['a cursor with an absurd sequence', { cursor: { epoch: '', seq: MAX_SEQ } }, 'OUTCOME_RESET'],
      ['an empty cursor', { cursor: {} }, 'OUTCOME_RESET'],
      ['a cursor with a huge epoch', { cursor: { epoch: 'x'.repeat(60_000), seq: 1 } }, 'OUTCOME_RESET'],
      ['a start at an absurd sequence', { start: { seq: MAX_SEQ } }, 'OUTCOME_STARTED'],
      ['a start at an absurd number of messages', { start: { last: 2 ** 32 - 1 } }, 'OUTCOME_STARTED'],
      ['a start in the far future', { start: { sinceMs: Date.UTC(9_999, 11, 31) } }, 'OUTCOME_STARTED'],
    ];
    for (const [name, join, outcome] of joins) {
      it(`${name}: ${outcome}`, async () => {
        const stream = open(hello, { join: { room: 'kept', ...join } });
        assert.equal((await stream.next('joined')).outcome, outcome);
        await stream.next('caughtUp');
        await assertLives(stream);
      });
    }

    it('a cursor with an absurd sequence in the right epoch: RESET, and what comes next is delivered', async () => {
      const { epoch } = await describeRoom('kept');
      const stream = open(hello, { join: { room: 'kept', cursor: { epoch, seq: MAX_SEQ, fingerprint: 1 } } });
      assert.equal((await stream.next('joined')).outcome, 'OUTCOME_RESET');
      assert.equal((await stream.next('reset')).cause, 'CAUSE_REWOUND');
      await stream.next('caughtUp');
      await rawPublish(gateway.address, { room: 'kept', type: 'gift', payload: Buffer.from('next') });
      await until('it is delivered', () => stream.reliable.includes('next'));
    });
  });

  describe('in a publish', () => {
    const gift = (change: Partial<PublishRequestInput>): PublishRequestInput => ({
      room: 'tea',
      type: 'gift',
      payload: Buffer.from('x'),
      ...change,
    });
    const cases: [name: string, request: PublishRequestInput, reason: KnownReason][] = [
      ...badRoomNames.map((room): [string, PublishRequestInput, KnownReason] => [
        `room ${JSON.stringify(room.slice(0, 20))}`,
        gift({ room }),
        'ROOM_NAME_INVALID',
      ]),
      ['a payload that is too large', gift({ payload: tooLarge }), 'PAYLOAD_TOO_LARGE'],
      ['a large ephemeral payload', gift({ type: 'comment', payload: tooLarge }), 'PAYLOAD_TOO_LARGE'],
      ['an unknown type without a class', gift({ type: 'fireworks' }), 'TYPE_UNKNOWN'],
      [
        'a class that contradicts the type',
        gift({ deliveryClass: 'DELIVERY_CLASS_EPHEMERAL' }),
        'CLASS_CONFLICT',
      ],
      [
        'a class that does not exist',
        gift({ type: 'fireworks', deliveryClass: 99 as never }),
        'MESSAGE_INVALID',
      ],
      ['no type', gift({ type: '' }), 'MESSAGE_INVALID'],
      [
        'a type with blanks',
        gift({ type: 'a b', deliveryClass: 'DELIVERY_CLASS_RELIABLE' }),
        'MESSAGE_INVALID',
      ],
      [
        'a long type',
        gift({ type: 'x'.repeat(65), deliveryClass: 'DELIVERY_CLASS_RELIABLE' }),
        'MESSAGE_INVALID',
      ],
      ['control characters in the sender', gift({ sender: 'a\r\nNats-Msg-Id: b' }), 'MESSAGE_INVALID'],
      ['a long sender', gift({ sender: 'x'.repeat(257) }), 'MESSAGE_INVALID'],
      ['control characters in the key', gift({ key: '\u0000' }), 'MESSAGE_INVALID'],
      ['a reserved header', gift({ headers: { 'Nats-Expected-Last-Sequence': '1' } }), 'MESSAGE_INVALID'],
      ['a reserved header in small letters', gift({ headers: { 'live-type': 'x' } }), 'MESSAGE_INVALID'],
      ['a header with a line break', gift({ headers: { a: 'b\r\nc: d' } }), 'MESSAGE_INVALID'],
      ['a header name with a colon', gift({ headers: { 'a:b': 'c' } }), 'MESSAGE_INVALID'],
      ['a header without a name', gift({ headers: { '': 'c' } }), 'MESSAGE_INVALID'],
      ['too many headers', gift({ headers: { a: 'x'.repeat(5_000) } }), 'MESSAGE_INVALID'],
    ];
    for (const [name, request, reason] of cases) {
      it(`${name}: ${reason}, on the stream and by the short call`, async () => {
        const stream = open(hello, { publish: { requestId: 7, request } });
        const result = await stream.result();
        assert.deepEqual([result.requestId, result.outcome], ['7', 'refusal']);
        assertRefusal(result.refusal, reason);
        await assertLives(stream);
        assertEnd(await rawPublish(gateway.address, request), reason);
      });
    }

    it('no request: MESSAGE_INVALID', async () => {
      const stream = open(hello, { publish: { requestId: 7 } });
      assertRefusal((await stream.result()).refusal, 'MESSAGE_INVALID');
      await assertLives(stream);
    });

    it('bytes that are no UTF-8 in the sender do not trouble the gateway', async () => {
      const frame = { publish: { requestId: 7, request: gift({ sender: '<surrogate>' }) } };
      const bytes = liveService.Connect.requestSerialize(frame);
      bytes.write('eda080', bytes.indexOf('<surrogate>'), 'hex');
      const stream = open(hello);
      stream.bytes(bytes);
      assert.equal((await stream.result()).outcome, 'published');
    });

    it('a short call with more than 64 KiB beside the payload: REQUEST_TOO_LARGE', async () => {
      const key = 'x'.repeat(65 * 1024);
      assertEnd(await rawPublish(gateway.address, gift({ key })), 'REQUEST_TOO_LARGE');
      assertEnd(await rawPublish(gateway.address, { room: key, type: 'gift' }), 'REQUEST_TOO_LARGE');
    });

    it('a short call of more than 4 MiB: REQUEST_TOO_LARGE', async () => {
      const end = await rawPublish(gateway.address, gift({ payload: Buffer.alloc(5 * 1024 * 1024) }));
      assertEnd(end, 'REQUEST_TOO_LARGE');
    });

    it('a flood: TOO_MANY_PUBLISHES beyond the limit, each answered once', async () => {
      const stream = open(hello);
      const { limits } = await stream.next('welcome');
      const flood = 2_000;
      for (let requestId = 1; requestId <= flood; requestId++) {
        stream.send({ publish: { requestId, request: gift({ room: 'flood', key: String(requestId) }) } });
      }
      await until('each is answered', () => stream.results.length === flood);
      const results = stream.results;
      assert.equal(new Set(results.map(({ requestId }) => requestId)).size, flood);
      const refused = results.filter(({ outcome }) => outcome !== 'published');
      for (const { refusal } of refused) assertRefusal(refusal, 'TOO_MANY_PUBLISHES');
      assert.ok(flood - refused.length >= (limits?.publishes ?? 0), 'those within the limit are stored');
      const { count } = await describeRoom('flood');
      assert.equal(Number(count), flood - refused.length);
    });
  });

  describe('in the short calls', () => {
    for (const room of badRoomNames) {
      it(`room ${JSON.stringify(room.slice(0, 20))}: ROOM_NAME_INVALID`, async () => {
        assertEnd(await getRoom(room), 'ROOM_NAME_INVALID');
        assertEnd(await pull({ room, start: { earliest: {} } }), 'ROOM_NAME_INVALID');
      });
    }

    it('a room that nobody has published to: ROOM_UNKNOWN', async () => {
      assertEnd(await getRoom('nowhere'), 'ROOM_UNKNOWN');
      assertEnd(await pull({ room: 'nowhere', start: { earliest: {} } }), 'ROOM_UNKNOWN');
    });

    it('a start that is none: START_INVALID', async () => {
      assertEnd(await pull({ room: 'healthy', start: { last: 0 } }), 'START_INVALID');
      assertEnd(await pull({ room: 'healthy', start: {} }), 'START_INVALID');
      assertEnd(await pull({ room: 'healthy' }), 'START_INVALID');
    });

    it('absurd sequences end in order', async () => {
      assert.equal((await pull({ room: 'healthy', afterSeq: MAX_SEQ })).code, 'OK');
      assert.equal((await pull({ room: 'healthy', cursor: { epoch: 'x', seq: MAX_SEQ } })).code, 'OK');
      assert.equal((await pull({ room: 'healthy', start: { seq: MAX_SEQ } })).code, 'OK');
    });

    function getRoom(room: string): Promise<CallEnd> {
      const stub = rawStub(gateway.address);
      return new Promise((resolve) => {
        stub.getRoom({ room }, (error) => {
          stub.close();
          resolve(error ? endOf(error) : { code: 'OK', reason: undefined, details: '' });
        });
      });
    }

    function pull(request: Parameters<ReturnType<typeof rawStub>['pull']>[0]): Promise<CallEnd> {
      const stub = rawStub(gateway.address);
      return new Promise((resolve) => {
        const call = stub.pull(request);
        call.on('data', () => undefined).on('error', () => undefined);
        call.on('status', (ended) => {
          stub.close();
          resolve(endOf(ended));
        });
      });
    }
  });

  describe('in behaviour', () => {
    it('pings by the thousand are all answered', async () => {
      const stream = open(hello);
      for (let nonce = 1; nonce <= 5_000; nonce++) stream.send({ ping: { nonce } });
      await until('all are answered', () => stream.all('pong').length === 5_000);
      assert.equal(stream.all('pong').at(-1)?.nonce, '5000');
    });

    it('pings by the thousand without reading the answers: cut off', async () => {
      const stream = open(hello);
      await stream.next('welcome');
      stream.call.pause();
      const flood = { ping: { nonce: MAX_SEQ } };
      for (let n = 0; n < 50_000; n++) stream.send(flood);
      await until('it is cut off', () => {
        clock.skip(1_000);
        return gateway.stats.connections === usual.connections;
      });
    });

    it('a client that half-closes gets its answers, and an end with OK', async () => {
      const join = { room: 'tea', start: { live: {} } };
      const request = { room: 'tea', type: 'gift', key: 'half' };
      const stream = open(hello, { join }, { publish: { requestId: 1, request } });
      stream.call.end();
      assert.equal((await stream.end()).code, 'OK');
      assert.equal(stream.results[0]?.outcome, 'published');
    });

    it('clients that cancel at random moments leave nothing behind', async () => {
      for (let n = 0; n < 150; n++) {
        const stream = open(hello);
        const frames: ClientFrameInput[] = [
          { join: { room: `random-${n % 7}`, start: { earliest: {} } } },
          { publish: { requestId: 1, request: { room: `random-${n % 7}`, type: 'gift' } } },
          { leave: { room: `random-${n % 7}` } },
          { join: { room: `random-${n % 5}`, start: { live: {} } } },
        ];
        stream.send(...frames.slice(0, Math.floor(random() * 5)));
        for (let turns = Math.floor(random() * 30); turns > 0; turns--) {
          await new Promise((resolve) => setImmediate(resolve));
        }
        if (random() < 0.5) stream.call.cancel();
        else stream.close();
      }
    });

    it('a thousand TCP connections opened and dropped leave nothing behind', async () => {
      for (let round = 0; round < 10; round++) {
        const round100 = Array.from({ length: 100 }, dial);
        await Promise.all(round100.map((socket) => once(socket, 'connect')));
        for (const socket of round100) {
          if (random() < 0.5) socket.resetAndDestroy();
          else socket.destroy();
        }
      }
    });

    const noHttp2: [name: string, bytes: Buffer | string][] = [
      ['HTTP/1', 'GET / HTTP/1.1\r\nHost: gateway\r\n\r\n'],
      ['TLS', Buffer.from('16030100a5010000a10303', 'hex')],
      ['garbage', Buffer.alloc(64 * 1024, 0xa5)],
      [
        'garbage after the preface',
        Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), tooLarge]),
      ],
    ];
    for (const [name, bytes] of noHttp2) {
      it(`${name} on the port: the connection is closed`, async () => {
        const socket = dial();
        socket.resume();
        socket.write(bytes);
        await until('the connection is closed', () => socket.closed);
      });
    }
  });
});
