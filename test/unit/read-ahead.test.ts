import assert from 'node:assert/strict';
import { HistoryReader } from '../../server/nats/read/history-reader.ts';
import { OPEN_ACCESS } from '../../server/session/access.ts';
import { Turns } from '../../common/turns.ts';
import { pull } from '../../server/session/pull.ts';
import { CoreGateway, ModelClient } from '../helpers/core-gateway.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { settle } from '../helpers/settle.ts';
import { StreamModel } from '../helpers/stream-model.ts';
import { unlimited } from '../helpers/unlimited.ts';

describe('Reliable: what is read ahead, and given up', () => {
  describe('a page that is read while its room is opened', () => {
    it('proves nothing of another history that came while the room was opened', async () => {
      const stream = new StreamModel();
      const gateway = new CoreGateway(stream);
      for (let n = 0; n < 5; n++) stream.publish('r', 'x');
      for (let n = 0; n < 5; n++) stream.publish('other', 'x');
      const viewer = new ModelClient(gateway);
      viewer.positions.set('r', stream.positionOf(3));
      stream.withholdAnswers();
      const joined = viewer.join('r');
      await settle();
      stream.answer();
      await settle();
      stream.answer();
      await settle();
      stream.rewindTo(5);
      for (let n = 0; n < 6; n++) stream.publish('r', 'y');
      stream.answerAll();
      await joined;
      await gateway.pass(60_000);
      gateway.close();
      assert.ok(viewer.told.includes('message 6') || viewer.told.some((t) => t.startsWith('reset')));
    });

    it('nor where it ends with the room', async () => {
      const stream = new StreamModel();
      const gateway = new CoreGateway(stream);
      for (let n = 0; n < 5; n++) stream.publish('r', 'x');
      const viewer = new ModelClient(gateway);
      viewer.positions.set('r', stream.positionOf(3));
      stream.withholdAnswers();
      const joined = viewer.join('r');
      await settle();
      stream.answer();
      await settle();
      stream.answer();
      await settle();
      stream.rewindTo(3);
      for (let n = 0; n < 2; n++) stream.publish('r', 'y');
      const ids = [4, 5].map((seq) => stream.idOf(seq));
      stream.answerAll();
      await joined;
      await gateway.pass(60_000);
      const got = viewer.events.flatMap((e) => (e.kind === 'message' ? [e.id] : []));
      gateway.close();
      assert.ok(ids.every((id) => got.includes(id)) || viewer.told.some((t) => t.startsWith('reset')));
    });

    it('a first cursor beyond the end of the stream is not read for again and again', async () => {
      const stream = new StreamModel();
      const gateway = new CoreGateway(stream);
      for (let n = 0; n < 10; n++) stream.publish('r', 'x');
      const viewer = new ModelClient(gateway);
      await viewer.join('r', { kind: 'cursor', cursor: { epoch: stream.epoch, seq: 5000, fingerprint: 7 } });
      await gateway.pass(60_000);
      const before = stream.questions.history;
      await gateway.pass(60_000);
      gateway.close();
      assert.equal(stream.questions.history - before, 0);
    });

    it('nor does it keep another viewer waiting', async () => {
      const stream = new StreamModel();
      const gateway = new CoreGateway(stream);
      for (let n = 0; n < 10; n++) stream.publish('r', 'x');
      const bogus = new ModelClient(gateway, 'bogus');
      await bogus.join('r', { kind: 'cursor', cursor: { epoch: stream.epoch, seq: 5000, fingerprint: 7 } });
      await gateway.pass(20_300);
      const viewer = new ModelClient(gateway);
      await viewer.join('r', { kind: 'cursor', cursor: stream.positionOf(5) });
      await gateway.settle();
      let ms = 0;
      while (!viewer.told.includes('message 10') && ms < 10_000) {
        await gateway.pass(100);
        ms += 100;
      }
      gateway.close();
      assert.equal(ms, 0);
    });

    it('a first viewer that lacks nothing keeps no other one waiting', async () => {
      const stream = new StreamModel();
      const gateway = new CoreGateway(stream);
      for (let n = 0; n < 10; n++) stream.publish('r', 'x');
      const first = new ModelClient(gateway, 'first');
      const viewer = new ModelClient(gateway);
      const joins = [
        first.join('r', { kind: 'cursor', cursor: stream.positionOf(10) }),
        viewer.join('r', { kind: 'cursor', cursor: stream.positionOf(5) }),
      ];
      await Promise.all(joins);
      await gateway.settle();
      const told = [...viewer.told];
      gateway.close();
      assert.ok(told.includes('message 10'));
    });
  });

  describe('a page of history', () => {
    it('claims no more than the leader knows that was asked for what follows it', async () => {
      const clock = new ManualClock();
      let lastSeq = 1000;
      const state = () =>
        Promise.resolve({
          epoch: 'E',
          formerly: [],
          predated: false,
          firstSeq: 1,
          lastSeq,
          deleted: 0,
          lastTime: '',
        });
      const leader = {
        epoch: 'E',
        subjects: { room: (r: string) => `room.${r}` },
        state,
        createConsumer: async () => {
          await settle(2);
          lastSeq = 900;
          return 0;
        },
        deleteConsumer: () => Promise.resolve(),
        nextSeq: () => Promise.resolve(undefined),
        timeOf: () => Promise.resolve(undefined),
      };
      const reader = new HistoryReader({
        connection: { up: true },
        leader,
        clock,
        inbox: {},
        window: {},
      } as never);
      const read = await reader.read('r', 0).catch((error: unknown) => error as Error);
      assert.ok(read instanceof Error || read.upto <= 900);
    });
  });

  describe('a frame', () => {
    it('serves all live viewers also where nothing of the room is held', async () => {
      const stream = new StreamModel();
      const gateway = new CoreGateway(stream);
      stream.publish('other', 'x');
      const room = await gateway.hub.acquire('r');
      const waker = { wake: () => undefined };
      const a = room.join(waker, { kind: 'live' });
      const b = room.join(waker, { kind: 'live' });
      for (let n = 0; n < 5; n++) stream.publish('other', 'y');
      await gateway.pass(5_000);
      for (const s of [a, b]) while (s.next() !== undefined);
      assert.ok(room.follower.log.watermark > room.follower.log.messages.head, 'precondition');
      stream.ephemeral('r', 'hi');
      const [x, y] = [a.next(), b.next()];
      assert.ok(x?.kind === 'batch' && y?.kind === 'batch');
      assert.ok(x.frame === y.frame, 'two frames');
      gateway.close();
    });
  });

  describe('a pull', () => {
    it('gives its room back when it is given up while that is opened', async () => {
      const stream = new StreamModel();
      const gateway = new CoreGateway(stream);
      stream.publish('r', 'x');
      stream.withholdAnswers();
      const life = { received: 0, answers: true };
      const gone = new AbortController();
      const context = {
        hub: gateway.hub,
        life,
        clock: gateway.clock,
        rates: unlimited(new ManualClock()),
        lookUps: new Turns({ atOnce: 1, waitingOfGroup: 1, waiting: 1 }),
        directory: { describe: () => Promise.resolve({ epoch: stream.epoch, head: 1, count: 1 }) },
      };
      const parts = pull(
        context as never,
        { room: 'r', from: 'afterSeq', afterSeq: '0', limit: 0, maxFrameBytes: 0 } as never,
        { access: OPEN_ACCESS, group: 'a' },
        gone.signal,
      );
      const sign = parts.next();
      await settle();
      for (let n = 0; n < 6; n++) {
        life.received++;
        gateway.clock.advance(1_000);
        await settle();
      }
      assert.equal((await sign).done, false);
      await parts.return();
      stream.answerAll();
      await gateway.pass(20_000);
      const { roomCount } = gateway.hub;
      gateway.close();
      assert.equal(roomCount, 0);
    });
  });
});
