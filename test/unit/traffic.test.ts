import assert from 'node:assert/strict';
import { CompressibleFrame } from '../../server/log/compressible-frame.ts';
import { Traffic } from '../../server/session/traffic.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

const LINE = 'the same over and over, the same over and over, the same over and over, the same over and over';

function frameOf(storedMs: number, reliable = 2, ephemeral = 1): CompressibleFrame {
  const contents = { reliable, ephemeral, reliableBytes: 20, ephemeralBytes: 5, storedMs };
  return new CompressibleFrame(Buffer.from(LINE.repeat(10)), contents);
}

const batch = (frame: CompressibleFrame, live = true) => ({ kind: 'batch', frame, live }) as const;

describe('what is delivered', () => {
  let clock: ManualClock;
  let traffic: Traffic;

  beforeEach(() => {
    clock = new ManualClock();
    traffic = new Traffic(clock);
  });

  const observations = (): number => traffic.latencySeconds.counts.reduce((sum, times) => sum + times, 0);

  it('is counted once for each viewer, by transport', () => {
    const frame = frameOf(clock.wallMs());
    for (let viewer = 0; viewer < 3; viewer++) traffic.of('grpc', 'plain').note(batch(frame));
    traffic.of('sse', 'plain').note(batch(frame));
    traffic.of('grpc', 'plain').note(batch(frameOf(clock.wallMs(), 1, 0)));
    traffic.add();
    const counted = traffic.delivered.map(({ transport, reliable, ephemeral }) => [
      transport,
      reliable.messages,
      ephemeral.messages,
      reliable.bytes,
      ephemeral.bytes,
    ]);
    assert.deepEqual(counted, [
      ['grpc', 7, 3, 80, 20],
      ['websocket', 0, 0, 0, 0],
      ['sse', 2, 1, 20, 5],
    ]);
  });

  it('is timed for each viewer from when its oldest message was stored, if it is live', () => {
    const stored = frameOf(clock.wallMs());
    clock.advance(40);
    for (let viewer = 0; viewer < 5; viewer++) traffic.of('grpc', 'plain').note(batch(stored));
    traffic.of('grpc', 'plain').note(batch(stored, false));
    traffic.of('grpc', 'plain').note(batch(frameOf(Number.NaN, 0, 3)));
    traffic.add();
    assert.equal(observations(), 5);
    assert.ok(Math.abs(traffic.latencySeconds.sum - 5 * 0.04) < 1e-9);
  });

  it('took no time where the clock of NATS is ahead', () => {
    traffic.of('grpc', 'plain').note(batch(frameOf(clock.wallMs() + 5_000)));
    traffic.add();
    assert.equal(traffic.latencySeconds.sum, 0);
    assert.equal(observations(), 1);
  });

  it('is less by what compression saves', () => {
    const frame = frameOf(clock.wallMs());
    for (let viewer = 0; viewer < 2; viewer++) traffic.of('grpc', 'deflated').note(batch(frame));
    traffic.of('grpc', 'plain').note(batch(frame));
    traffic.add();
    assert.equal(traffic.savedBytes, 2 * (frame.plain.length - frame.deflated.length));
  });

  it('is counted once, however often it is added up', () => {
    traffic.of('grpc', 'plain').note(batch(frameOf(clock.wallMs())));
    traffic.add();
    traffic.add();
    assert.equal(observations(), 1);
  });
});
