import assert from 'node:assert/strict';
import { UpstreamError } from '../../server/upstream/upstream-error.ts';
import { SESSION_LIMITS, SessionRig } from '../helpers/session-rig.ts';

describe('a session', () => {
  describe('greeting', () => {
    it('answers Hello with Welcome: its limits, and the stream that it serves from', async () => {
      await using rig = new SessionRig();
      rig.carrier.receive({
        hello: { client: 'test', features: ['FEATURE_DEFLATE'], maxFrameBytes: 200_000 },
      });
      const [frame] = await rig.sent();
      const { limits, features, epoch, heartbeatMs } = frame?.welcome ?? assert.fail('no Welcome');
      assert.deepEqual(
        [limits?.rooms, limits?.publishes, limits?.frameBytes, limits?.payloadBytes],
        [2, 2, 200_000, 1_000],
      );
      assert.deepEqual([features, epoch, heartbeatMs], [['FEATURE_DEFLATE'], rig.stream.epoch, 4_000]);
    });

    it('refuses whoever begins otherwise, says Hello twice, or says nothing', async () => {
      await using first = new SessionRig();
      first.carrier.receive({ ping: { nonce: 1 } });
      assert.equal(first.carrier.ending, 'HELLO_EXPECTED');
      await using second = new SessionRig();
      await second.hello();
      second.carrier.receive({ hello: {} });
      assert.equal(second.carrier.ending, 'HELLO_REPEATED');
      await using third = new SessionRig();
      third.gateway.clock.advance(SESSION_LIMITS.helloMs);
      assert.equal(third.carrier.ending, 'HELLO_TIMEOUT');
    });

    it('refuses what is no frame, and leaves a frame of a later version without effect', async () => {
      await using rig = new SessionRig();
      await rig.hello();
      rig.carrier.receive({});
      const [frame] = await rig.sent();
      assert.deepEqual(
        [frame?.frameError?.frame, frame?.frameError?.refusal?.reason],
        ['2', 'REASON_UNKNOWN_FRAME'],
      );
      rig.carrier.receiveGarbage();
      assert.equal(rig.carrier.ending, 'MALFORMED_FRAME');
    });
  });

  describe('reading', () => {
    it('asks for no more frames while too many answers wait, and goes on when they are out', async () => {
      await using rig = new SessionRig();
      await rig.hello();
      rig.carrier.flowing = false;
      let pings = 0;
      while (rig.carrier.asked) {
        rig.carrier.receive({ ping: { nonce: ++pings } });
        assert.ok(pings < 1_000, 'it never stops reading');
      }
      rig.carrier.flowing = true;
      await rig.settle();
      rig.carrier.handOver();
      await rig.settle();
      assert.equal(rig.carrier.sent.length, pings);
      assert.ok(rig.carrier.asked, 'it reads on');
    });
  });

  describe('heartbeats', () => {
    it('come with Welcome, then in silence only', async () => {
      await using rig = new SessionRig();
      await rig.hello();
      rig.sweep();
      await rig.settle();
      assert.deepEqual(rig.carrier.takeKinds(), []);
      rig.gateway.clock.advance(2_000);
      rig.sweep();
      await rig.settle();
      assert.deepEqual(rig.carrier.takeKinds(), []);
      rig.gateway.clock.advance(1_000);
      rig.sweep();
      await rig.settle();
      assert.deepEqual(rig.carrier.takeKinds(), ['heartbeat']);
    });

    it('tell at once of NATS, and of each room that is joined', async () => {
      await using rig = new SessionRig();
      await rig.hello();
      await rig.join('r');
      rig.stream.publish('r', 'm');
      await rig.settle();
      rig.causes = ['STREAM_MISSING'];
      rig.sweep();
      const frames = await rig.sent();
      const { heartbeat } = frames.find(({ frame }) => frame === 'heartbeat') ?? assert.fail('no heartbeat');
      assert.deepEqual(
        [heartbeat?.upstream, heartbeat?.causes, heartbeat?.rooms.map(({ room, head }) => [room, head])],
        ['UPSTREAM_DEGRADED', ['UPSTREAM_CAUSE_STREAM_MISSING'], [['r', '1']]],
      );
    });
  });

  describe('rooms', () => {
    it('are joined up to the limit, each once; what cannot be is told of the room, and the others go on', async () => {
      await using rig = new SessionRig();
      await rig.hello();
      await rig.join('a');
      await rig.join('b');
      const reasons: (string | undefined)[] = [];
      for (const room of ['a', 'c', 'no room']) {
        rig.carrier.receive({ join: { room, start: { live: {} } } });
        const [frame] = await rig.sent();
        reasons.push(frame?.roomError?.refusal?.reason);
      }
      assert.deepEqual(reasons, [
        'REASON_ALREADY_JOINED',
        'REASON_TOO_MANY_ROOMS',
        'REASON_ROOM_NAME_INVALID',
      ]);
      assert.equal(rig.carrier.ending, undefined);
      rig.stream.publish('b', 'm');
      await rig.settle();
      assert.deepEqual(rig.carrier.takeKinds(), ['batch']);
    });

    it('are not read of for a while from who is refused again and again', async () => {
      const rig = new SessionRig();
      await rig.hello();
      const knock = { join: { room: 'r', start: { live: {} } } };
      const refused = (): number => rig.carrier.sent.filter(({ roomError }) => roomError).length;
      for (let n = 0; n < 10; n++) {
        rig.carrier.receive(knock);
        rig.carrier.receive({ leave: { room: 'r' } });
      }
      for (let n = 0; n < 500 && rig.carrier.asked; n++) {
        rig.carrier.receive(knock);
        await rig.settle();
      }
      assert.equal(refused(), 201);
      rig.gateway.clock.advance(999);
      assert.equal(rig.carrier.asked, false);
      rig.gateway.clock.advance(1);
      assert.equal(rig.carrier.asked, true);
      await rig[Symbol.asyncDispose]();
    });

    it('are not joined more often than the rate allows, and it is told when the next may be', async () => {
      const rig = new SessionRig();
      await rig.hello();
      for (let n = 0; n < 10; n++) {
        rig.carrier.receive({ join: { room: `r${n}`, start: { live: {} } } });
        rig.carrier.receive({ leave: { room: `r${n}` } });
      }
      rig.carrier.receive({ join: { room: 'r', start: { live: {} } } });
      await rig.settle();
      const refusal = rig.carrier.sent.find(({ roomError }) => roomError)?.roomError?.refusal;
      assert.deepEqual([refusal?.reason, refusal?.retryAfterMs], ['REASON_RATE_LIMITED', 1_000]);
      rig.gateway.clock.advance(1_000);
      rig.carrier.receive({ join: { room: 'r', start: { live: {} } } });
      await rig.settle();
      assert.equal(rig.carrier.sent.filter(({ roomError }) => roomError).length, 1);
    });

    it('that cannot be opened are told as such, and can be joined later', async () => {
      await using rig = new SessionRig();
      await rig.hello();
      rig.stream.leader = 'away';
      rig.carrier.receive({ join: { room: 'r', start: { live: {} } } });
      const [frame] = await rig.sent();
      assert.equal(frame?.roomError?.refusal?.reason, 'REASON_UPSTREAM_UNAVAILABLE');
      rig.stream.leader = 'present';
      await rig.join('r');
    });

    it('whose start cannot be looked up are told as such, and can be joined later', async () => {
      await using rig = new SessionRig();
      await rig.hello();
      const room = await rig.gateway.hub.acquire('r');
      rig.stream.leader = 'away';
      rig.carrier.receive({ join: { room: 'r', start: { earliest: {} } } });
      const [frame] = await rig.sent();
      assert.equal(frame?.roomError?.refusal?.reason, 'REASON_UPSTREAM_UNAVAILABLE');
      assert.equal(room.viewerCount, 0);
      rig.stream.leader = 'present';
      await rig.join('r');
      rig.gateway.hub.release(room);
    });

    it('that are left while they are opened say Left, and nothing more', async () => {
      await using rig = new SessionRig();
      await rig.hello();
      rig.stream.withholdAnswers();
      rig.carrier.receive({ join: { room: 'r', start: { live: {} } } });
      rig.carrier.receive({ leave: { room: 'r' } });
      rig.carrier.receive({ leave: { room: 'r' } });
      const frames = await rig.sent();
      assert.deepEqual(
        frames.map(({ left, roomError }) => left?.room ?? roomError?.refusal?.reason),
        ['r', 'REASON_NOT_JOINED'],
      );
      rig.stream.answerAll();
      rig.stream.publish('r', 'm');
      assert.deepEqual(await rig.sent(), []);
    });

    it('are given the credit that came while they were opened', async () => {
      await using rig = new SessionRig();
      await rig.hello();
      rig.stream.publish('r', 'm');
      rig.stream.withholdAnswers();
      rig.carrier.receive({ join: { room: 'r', start: { earliest: {} }, creditBytes: 0 } });
      rig.carrier.receive({ credit: { room: 'r', bytes: 1_000 } });
      rig.carrier.receive({ ack: { room: 'r', seq: 1 } });
      rig.stream.answerAll();
      await rig.settle();
      rig.stream.answerAll();
      await rig.settle();
      rig.stream.answerAll();
      await rig.settle();
      assert.ok(rig.carrier.takeKinds().includes('batch'));
      assert.equal(rig.gateway.hub.counters.unacknowledged, 0, 'and so is what it said to have handled');
    });
  });

  describe('publishes', () => {
    it('are answered in one frame, however many wait for the transport', async () => {
      await using rig = new SessionRig();
      await rig.hello();
      rig.publish(1, 'a');
      rig.publish(2, 'b');
      rig.outcomes[1]?.({ kind: 'refused', refusal: 'full', detail: 'no space' });
      rig.outcomes[0]?.({ kind: 'stored', seq: 7, duplicate: false });
      const [frame, ...more] = await rig.sent();
      assert.deepEqual(more, []);
      assert.deepEqual(
        frame?.publishResults?.results.map(({ requestId, published, refusal }) => [
          requestId,
          published?.seq ?? refusal?.reason,
        ]),
        [
          ['2', 'REASON_STREAM_FULL'],
          ['1', '7'],
        ],
      );
    });

    it('that are too many, or have no request, are refused alone', async () => {
      await using rig = new SessionRig();
      await rig.hello();
      for (const [id, key] of ['a', 'b', 'c'].entries()) rig.publish(id, key);
      rig.carrier.receive({ publish: { requestId: 9 } });
      const frames = await rig.sent();
      const results = frames.flatMap(({ publishResults }) => publishResults?.results ?? []);
      assert.deepEqual(
        results.map(({ requestId, refusal }) => [requestId, refusal?.reason]),
        [
          ['2', 'REASON_TOO_MANY_PUBLISHES'],
          ['9', 'REASON_MESSAGE_INVALID'],
        ],
      );
      assert.equal(rig.outcomes.length, 2);
    });

    it('are answered before the stream ends, when the client sends no more', async () => {
      await using rig = new SessionRig();
      await rig.hello();
      rig.publish(1, 'a');
      rig.carrier.halfClose();
      await rig.settle();
      assert.equal(rig.carrier.ending, undefined);
      rig.outcomes[0]?.({ kind: 'stored', seq: 7, duplicate: false });
      await rig.settle();
      assert.deepEqual([rig.carrier.takeKinds(), rig.carrier.ending], [['publishResults'], 'ok']);
    });
  });

  describe('the end', () => {
    it('comes with OK behind Reconnect, when the gateway sends the viewer away', async () => {
      await using rig = new SessionRig();
      await rig.hello();
      await rig.join('r');
      rig.session.goAway({ afterMs: 7, reason: 'REBALANCING', endpoint: 'b:1' });
      rig.stream.publish('r', 'm');
      const [frame, ...more] = await rig.sent();
      assert.deepEqual(more, []);
      const { afterMs, reason, endpoint } = frame?.reconnect ?? assert.fail('no Reconnect');
      assert.deepEqual([afterMs, reason, endpoint], [7, 'REASON_REBALANCING', 'b:1']);
      assert.equal(rig.carrier.ending, 'ok');
    });

    it('waits for the frame that is on its way', async () => {
      await using rig = new SessionRig();
      await rig.hello();
      rig.carrier.flowing = false;
      rig.session.goAway({ afterMs: 0, reason: 'DRAINING', endpoint: undefined });
      await rig.settle();
      assert.equal(rig.carrier.ending, undefined);
      assert.equal(rig.session.movable, false);
      rig.carrier.handOver();
      assert.equal(rig.carrier.ending, 'ok');
    });

    it('of a slow consumer gives everything back at once, and is still blocked', async () => {
      await using rig = new SessionRig();
      await rig.hello();
      await rig.join('r');
      rig.carrier.flowing = false;
      rig.stream.publish('r', 'm');
      await rig.settle();
      assert.equal(rig.session.blockedSinceMs, 0);
      rig.gateway.clock.advance(10);
      rig.session.reset();
      assert.equal(rig.carrier.ending, 'reset');
      assert.equal(rig.session.blockedSinceMs, 10);
      assert.equal((await rig.gateway.hub.acquire('r')).viewerCount, 0);
    });

    it('of the carrier ends the subscriptions', async () => {
      await using rig = new SessionRig();
      await rig.hello();
      await rig.join('r');
      const room = await rig.gateway.hub.acquire('r');
      assert.equal(room.viewerCount, 1);
      rig.carrier.close();
      assert.equal(room.viewerCount, 0);
    });
  });

  it('hides what has failed inside, and says that the gateway did', async () => {
    await using rig = new SessionRig();
    await rig.hello();
    const failure = rig.session.refuseRoom(new UpstreamError('secret'), 'r');
    assert.equal(failure.reason, 'UPSTREAM_UNAVAILABLE');
    rig.session.failed(new Error('secret'));
    assert.equal(rig.carrier.ending, 'INTERNAL_ERROR');
  });
});
