import assert from 'node:assert/strict';
import { liveService } from '../../protos/live.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import { HANDSHAKE, WebSocketAttacker, webSocketFrame } from '../helpers/web-socket-attacker.ts';
import { WebSocketViewer } from '../helpers/web-socket-viewer.ts';

const MIB = 2 ** 20;
const [CONTINUATION, TEXT, BINARY, PING, PONG] = [0, 1, 2, 9, 10];
const HELLO = webSocketFrame(BINARY, liveService.Connect.requestSerialize({ hello: { client: 'attacker' } }));
const part = (bytes: number): Buffer => webSocketFrame(CONTINUATION, Buffer.alloc(bytes), { final: false });

describe('Isolated: what nobody sends by WebSocket', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let http: string;
  let clock: SkippingClock;
  let viewer: WebSocketViewer;

  before(async () => {
    nats = await startNats();
  });

  after(() => nats.stop());

  beforeEach(async () => {
    clock = new SkippingClock();
    const limits = { receiveBytes: 20 * MIB, controlFrames: 100, suspectConnections: Infinity };
    const at = { http: { host: '127.0.0.1', port: 0 } };
    gateway = await startTestGateway(nats.url, { ...limits, ...at }, { clock });
    http = gateway.http!;
    viewer = WebSocketViewer.hello(http);
    viewer.send({ join: { room: 'tea', start: { live: {} } } });
    await viewer.next('caughtUp');
  });

  afterEach(async () => {
    viewer[Symbol.dispose]();
    await gateway.close();
  });

  /** Nothing of the others is left, and who behaves is served. */
  async function assertOthersServed(): Promise<void> {
    await until('nothing is held of others', () => gateway.stats.receivingBytes === 0);
    await until('the others are gone', () => gateway.stats.sessions === 1);
    viewer.send({ ping: { nonce: 7 } });
    await viewer.next('pong');
  }

  const refusals: Record<string, { send: Buffer[]; code: number; reason: string }> = {
    'a frame without a mask': {
      send: [webSocketFrame(BINARY, Buffer.alloc(3), { masked: false })],
      code: 4003,
      reason: 'MALFORMED_FRAME',
    },
    'an opcode that is none': { send: [webSocketFrame(3)], code: 4003, reason: 'MALFORMED_FRAME' },
    'a control opcode that is none': { send: [webSocketFrame(11)], code: 4003, reason: 'MALFORMED_FRAME' },
    'a text message': {
      send: [webSocketFrame(TEXT, Buffer.from('hello'))],
      code: 4003,
      reason: 'MALFORMED_FRAME',
    },
    'a compressed message': {
      send: [webSocketFrame(BINARY, Buffer.alloc(3), { reserved: 0x40 })],
      code: 4012,
      reason: 'COMPRESSION_UNSUPPORTED',
    },
    'bits of an extension': {
      send: [webSocketFrame(BINARY, Buffer.alloc(3), { reserved: 0x10 })],
      code: 4003,
      reason: 'MALFORMED_FRAME',
    },
    'a ping in parts': {
      send: [webSocketFrame(PING, Buffer.alloc(3), { final: false })],
      code: 4003,
      reason: 'MALFORMED_FRAME',
    },
    'a ping that is too long': {
      send: [webSocketFrame(PING, Buffer.alloc(126))],
      code: 4003,
      reason: 'MALFORMED_FRAME',
    },
    'a continuation of nothing': { send: [part(1)], code: 4003, reason: 'MALFORMED_FRAME' },
    'a message within a message': {
      send: [webSocketFrame(BINARY, Buffer.alloc(1), { final: false }), HELLO],
      code: 4003,
      reason: 'MALFORMED_FRAME',
    },
    'a message that is announced to be huge': {
      send: [webSocketFrame(BINARY, Buffer.alloc(1), { announced: 2 ** 52 })],
      code: 4008,
      reason: 'REQUEST_TOO_LARGE',
    },
    'a message whose length has its first bit set': {
      send: [Buffer.concat([Buffer.from([0x82, 0xff]), Buffer.alloc(12, 0xff)])],
      code: 4008,
      reason: 'REQUEST_TOO_LARGE',
    },
    'parts without end': {
      send: [webSocketFrame(BINARY, Buffer.alloc(1), { final: false }), ...Array<Buffer>(5).fill(part(MIB))],
      code: 4008,
      reason: 'REQUEST_TOO_LARGE',
    },
    'bytes that are no frame of the contract': {
      send: [webSocketFrame(BINARY, Buffer.alloc(9, 0xff))],
      code: 4003,
      reason: 'MALFORMED_FRAME',
    },
    'more than 64 KiB beside the payload': {
      send: [
        webSocketFrame(
          BINARY,
          liveService.Connect.requestSerialize({ hello: { client: 'x'.repeat(70_000) } }),
        ),
      ],
      code: 4008,
      reason: 'REQUEST_TOO_LARGE',
    },
    'a frame before Hello': {
      send: [webSocketFrame(BINARY, liveService.Connect.requestSerialize({ ping: { nonce: 1 } }))],
      code: 4009,
      reason: 'HELLO_EXPECTED',
    },
    'a second Hello': { send: [HELLO, HELLO], code: 4009, reason: 'HELLO_REPEATED' },
    'empty parts without end': {
      send: [
        webSocketFrame(BINARY, Buffer.alloc(1), { final: false }),
        ...Array<Buffer>(10_000).fill(part(0)),
      ],
      code: 1008,
      reason: 'CONTROL_FRAMES',
    },
    'pings without end': {
      send: [HELLO, ...Array<Buffer>(10_000).fill(webSocketFrame(PING, Buffer.alloc(125)))],
      code: 1008,
      reason: 'CONTROL_FRAMES',
    },
    'pongs without end': {
      send: Array<Buffer>(10_000).fill(webSocketFrame(PONG)),
      code: 1008,
      reason: 'CONTROL_FRAMES',
    },
  };
  for (const [what, { send, code, reason }] of Object.entries(refusals)) {
    it(`${what} ends the connection with ${code} and the reason`, async () => {
      using attacker = new WebSocketAttacker(http);
      attacker.send(...send);
      const end = await attacker.end();
      assert.equal(end?.code, code, end?.reason);
      assert.match(end.reason, new RegExp(`^${reason}: .`));
      attacker.socket.end();
      await assertOthersServed();
      assert.equal([...gateway.stats.refused].find(([counted]) => counted === reason)?.[1], 1);
    });
  }

  it('pings without end have whoever comes from there next wait for it', async () => {
    await gateway.close();
    gateway = await startTestGateway(nats.url, {
      http: { host: '127.0.0.1', port: 0 },
      controlFrames: 100,
      suspectConnections: 1,
    });
    using attacker = new WebSocketAttacker(gateway.http!);
    attacker.send(...Array<Buffer>(200).fill(webSocketFrame(PING)));
    assert.equal((await attacker.end())?.code, 1008);
    const next: WebSocketAttacker[] = [];
    await until('more come than may wait', () => {
      next.push(new WebSocketAttacker(gateway.http!));
      return (gateway.stats.refused.get('SUSPECT_ADDRESS') ?? 0) > 0;
    });
    for (const each of next) each[Symbol.dispose]();
  });

  it('messages that are never complete take what one address may have, and the largest pay', async () => {
    const attackers = Array.from({ length: 8 }, () => new WebSocketAttacker(http));
    for (const attacker of attackers)
      attacker.send(HELLO, webSocketFrame(BINARY, Buffer.alloc(3 * MIB), { announced: 4 * MIB }));
    const ends = (): number => attackers.filter(({ closed }) => closed).length;
    await until('somebody had to pay', () => ends() >= 5);
    assert.ok(gateway.stats.receivingBytes <= 10 * MIB);
    const payer = attackers.find(({ closed }) => closed)!;
    assert.match((await payer.end())!.reason, /^RECEIVE_LIMIT: /);
    for (const attacker of attackers) attacker[Symbol.dispose]();
    await assertOthersServed();
  });

  for (const [what, frame] of [
    ['frames that ask for nothing', { ack: { room: 'nowhere', seq: 1 } }],
    ['frames that are answered', { ping: { nonce: 1 } }],
    ['frames that are refused', {}],
  ] as const) {
    it(`${what}, without end: others are served meanwhile`, async () => {
      using attacker = new WebSocketAttacker(http);
      attacker.send(HELLO);
      await until('it is served', () => gateway.stats.sessions === 2);
      const bytes = webSocketFrame(BINARY, liveService.Connect.requestSerialize(frame));
      const many = Buffer.concat(Array<Buffer>(5_000).fill(bytes));
      const flood = (): void => {
        while (!attacker.socket.destroyed && attacker.socket.write(many));
      };
      attacker.socket.pause();
      attacker.socket.on('drain', flood);
      flood();
      for (let nonce = 1; nonce <= 50; nonce++) {
        viewer.send({ ping: { nonce } });
        assert.equal((await viewer.next('pong')).nonce, String(nonce));
      }
      assert.ok(gateway.stats.receivingBytes < MIB);
      attacker[Symbol.dispose]();
      await assertOthersServed();
    });
  }

  it('a message that stops coming is refused in its time', async () => {
    using attacker = new WebSocketAttacker(http);
    attacker.send(HELLO, webSocketFrame(BINARY, Buffer.alloc(100), { announced: 1_000 }));
    await until('it has begun', () => gateway.stats.receivingBytes > 0);
    clock.skip(31_000);
    const end = await attacker.end();
    assert.equal(end?.code, 4004, end?.reason);
    assert.match(end.reason, /^FRAME_TIMEOUT: /);
    attacker[Symbol.dispose]();
    await assertOthersServed();
  });

  it('who says no Hello is sent away', async () => {
    using attacker = new WebSocketAttacker(http);
    await until('it is served', () => gateway.stats.sessions === 2);
    clock.skip(11_000);
    const end = await attacker.end();
    assert.equal(end?.code, 4004, end?.reason);
    assert.match(end.reason, /^HELLO_TIMEOUT: /);
    attacker[Symbol.dispose]();
    await assertOthersServed();
  });

  it('who pings and does not read gets the last answer, and takes no memory for the others', async () => {
    await gateway.close();
    gateway = await startTestGateway(nats.url, {
      http: { host: '127.0.0.1', port: 0 },
      controlFrames: Infinity,
    });
    http = gateway.http!;
    using attacker = new WebSocketAttacker(http);
    attacker.send(HELLO);
    await until('it is greeted', () => attacker.opcodes.includes(BINARY));
    attacker.socket.pause();
    const pings = webSocketFrame(PING, Buffer.alloc(125));
    for (let n = 0; n < 400; n++) attacker.send(...Array<Buffer>(1_000).fill(pings));
    await until('all is read', () => attacker.socket.writableLength === 0);
    using other = WebSocketViewer.hello(http);
    await other.next('welcome');
    attacker.send(webSocketFrame(BINARY, liveService.Connect.requestSerialize({ ping: { nonce: 1 } })));
    attacker.socket.resume();
    const answer = liveService.Connect.responseSerialize({ pong: { nonce: 1 } }).toString('latin1');
    await until('what was asked for last is answered', () => attacker.text.includes(answer));
    const pongs = attacker.opcodes.filter((opcode) => opcode === PONG).length;
    assert.ok(pongs > 0 && pongs < 200_000, `${pongs} pongs: more than the sockets' buffers hold`);
  });

  it('a handshake that is never complete is cut off', async () => {
    using attacker = new WebSocketAttacker(http, HANDSHAKE.slice(0, -2));
    await until('it is cut off', () => attacker.closed, { everyMs: 100 });
    assert.equal(attacker.text, '', 'nothing is answered to what was not asked: see http/unreadable.ts');
    await assertOthersServed();
  }).timeout(60_000);

  for (const [how, ends] of [
    ['answers no ping', true],
    ['answers pings', false],
  ] as const) {
    it(`a connection that is silent and ${how} is ${ends ? 'ended' : 'kept'}`, async () => {
      using attacker = new WebSocketAttacker(http);
      attacker.send(HELLO);
      await until('it is greeted', () => attacker.opcodes.includes(BINARY));
      let answered = 0;
      await until(ends ? 'it is ended' : 'it is asked for the fourth time', () => {
        const asked = attacker.opcodes.filter((opcode) => opcode === PING).length;
        if (attacker.closed || asked > 3) return true;
        // A pong is on its way as long as the time stands still.
        if (!ends && asked > answered)
          for (; answered < asked; answered++) attacker.send(webSocketFrame(PONG));
        else clock.skip(4_000);
        return false;
      });
      assert.equal(attacker.closed, ends);
    });
  }
});
