import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import { setImmediate as ticks } from 'node:timers/promises';
import { Intake } from '../../server/transport/connections/intake.ts';
import { CallIntake } from '../../server/transport/grpc/call-intake.ts';

/** What each thing takes, in milliseconds: three fit into a stretch. */
const TAKES_MS = 0.4;

describe('Isolated: what clients ask for', () => {
  let nowMs: number;
  let turns: (() => void)[];
  let intake: CallIntake;
  let done: string[];
  let early: number;
  let viewersWait: boolean;
  /** Connections that are not read for now. */
  let stopped: Set<Http2Session>;

  beforeEach(() => {
    nowMs = 0;
    turns = [];
    done = [];
    early = 0;
    viewersWait = false;
    stopped = new Set();
    const shared = new Intake({
      nowMs: () => nowMs,
      defer: (turn) => turns.push(turn),
      settled: (next) => next(),
      viewersWait: () => viewersWait,
    });
    intake = new CallIntake(shared, {
      resetEarly: () => early++,
      reading: (session, on) => {
        if (on) stopped.delete(session);
        else stopped.add(session);
      },
    });
  });

  function connection(): Http2Session {
    const socket = { destroyed: false, remoteAddress: '::1' };
    return { destroyed: false, socket } as unknown as Http2Session;
  }

  /** @param takesMs what it takes to begin with it, in milliseconds */
  function open(name: string, session: Http2Session, takesMs = TAKES_MS): ServerHttp2Stream {
    const stream = Object.assign(new EventEmitter(), {
      session,
      closed: false,
      destroyed: false,
      aborted: false,
    }) as unknown as ServerHttp2Stream;
    intake.start(stream, () => {
      nowMs += takesMs;
      done.push(name);
    });
    return stream;
  }

  function reset(stream: ServerHttp2Stream): void {
    (stream as { closed: boolean }).closed = true;
    stream.emit('close');
  }

  /** A turn of the event loop. */
  function turn(): void {
    for (const next of turns.splice(0)) next();
  }

  it('is done in a stretch of a turn, and what is left goes on in the next', () => {
    const session = connection();
    for (const name of ['1', '2', '3', '4', '5']) open(name, session);
    assert.deepEqual(done, [], 'not while what has come is read');
    turn();
    assert.deepEqual(done, ['1', '2', '3']);
    turn();
    assert.deepEqual(done, ['1', '2', '3', '4', '5']);
    assert.equal(turns.length, 0);
  });

  it('is done of each connection in turn: who opens a thousand calls holds up its own', () => {
    const [busy, other, third] = [connection(), connection(), connection()];
    for (let n = 0; n < 1_000; n++) open('busy', busy);
    open('other', other);
    open('third', third);
    turn();
    assert.deepEqual(done, ['busy', 'other', 'third']);
    open('other again', other);
    turn();
    assert.deepEqual(done.slice(3), ['busy', 'other again', 'busy']);
  });

  it('takes a tenth of the time while viewers wait to be written to, and all of it when they do not', () => {
    const session = connection();
    for (let n = 0; n < 60; n++) open('call', session);
    viewersWait = true;
    turn();
    const stretch = done.length;
    const endedMs = nowMs;
    for (; nowMs < endedMs + 10; nowMs += 1) turn();
    assert.equal(done.length, stretch);
    nowMs = endedMs + 11;
    turn();
    assert.equal(done.length, 2 * stretch);
    viewersWait = false;
    turn();
    assert.equal(done.length, 3 * stretch);
  });

  it('goes on after twenty milliseconds at most, however long a stretch has taken', () => {
    const session = connection();
    open('long', session, 100);
    open('next', session);
    viewersWait = true;
    turn();
    assert.deepEqual(done, ['long']);
    nowMs += 19;
    turn();
    assert.deepEqual(done, ['long']);
    nowMs += 1;
    turn();
    assert.deepEqual(done, ['long', 'next']);
  });

  it('passes over what was reset before its turn, at no cost', () => {
    const session = connection();
    const streams = Array.from({ length: 1_000 }, (_, n) => open(`reset ${n}`, session));
    const last = open('last', session);
    streams.forEach(reset);
    assert.equal(early, 1_000);
    turn();
    assert.deepEqual(done, ['last']);
    assert.equal(turns.length, 0);
    last.emit('close');
    assert.equal(early, 1_000, 'who has started is not early');
    assert.doesNotThrow(() => streams[0]?.emit('error', new Error('reset')));
  });

  it('tells of calls that are reset while what has come is still read, each once', () => {
    const session = connection();
    const streams = Array.from({ length: 63 }, (_, n) => open(`reset ${n}`, session));
    for (const stream of streams) (stream as { closed: boolean }).closed = true;
    assert.equal(early, 0);
    open('next', session);
    assert.equal(early, 63);
    for (const stream of streams) stream.emit('close');
    assert.equal(early, 63);
    assert.equal(stopped.size, 0, 'few wait');
  });

  it('has a connection of which many calls wait read again when few do, or when it is gone', () => {
    const [busy, gone] = [connection(), connection()];
    for (let n = 0; n < 70; n++) open('busy', busy);
    const lost = Array.from({ length: 64 }, () => open('gone', gone));
    assert.deepEqual(stopped, new Set([busy, gone]));
    stopped.clear();
    turn();
    assert.deepEqual(stopped, new Set([busy, gone]), 'HTTP/2 may have gone on by itself');
    lost.forEach(reset);
    while (done.filter((name) => name === 'busy').length < 53) turn();
    assert.deepEqual(stopped, new Set([busy]));
    turn();
    assert.equal(stopped.size, 0);
  });

  it('is read at once as long as little was read in this turn, then in line with what else there is', async () => {
    const session = connection();
    const read = (): void => intake.read(session, { startRead: () => done.push('frame') });
    read();
    assert.deepEqual(done, [], 'not by recursion');
    await ticks();
    assert.deepEqual(done, ['frame']);
    nowMs += 2;
    read();
    await ticks();
    assert.deepEqual(done, ['frame']);
    turn();
    assert.deepEqual(done, ['frame', 'frame']);
    turn();
    read();
    await ticks();
    assert.deepEqual(done, ['frame', 'frame', 'frame']);
    open('call', session);
    read();
    await ticks();
    assert.equal(done.length, 3, 'who waits longer comes first');
    turn();
    assert.deepEqual(done.slice(3), ['call', 'frame']);
  });
});
