import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { CallStarts } from '../../server/transport/grpc/call-starts.ts';

/** What a start takes, in milliseconds: three fit into a stretch. */
const START_MS = 0.4;

describe('Isolated: starting calls', () => {
  let nowMs: number;
  let turns: (() => void)[];
  let starts: CallStarts;
  let started: string[];
  let early: number;

  beforeEach(() => {
    nowMs = 0;
    turns = [];
    started = [];
    early = 0;
    starts = new CallStarts(
      () => nowMs,
      (turn) => turns.push(turn),
      () => early++,
    );
  });

  function open(name: string, session: object): ServerHttp2Stream {
    const stream = Object.assign(new EventEmitter(), {
      session: Object.assign(session, {
        destroyed: false,
        socket: { destroyed: false, remoteAddress: '::1' },
      }),
      closed: false,
      destroyed: false,
      aborted: false,
    });
    starts.add(stream as unknown as ServerHttp2Stream, () => {
      nowMs += START_MS;
      started.push(name);
    });
    return stream as unknown as ServerHttp2Stream;
  }

  /** A turn of the event loop. */
  function turn(): void {
    for (const next of turns.splice(0)) next();
  }

  it('takes a stretch of a turn, and what is left goes on in the next', () => {
    const connection = {};
    for (const name of ['1', '2', '3', '4', '5']) open(name, connection);
    assert.deepEqual(started, [], 'not while what has come is read');
    turn();
    assert.deepEqual(started, ['1', '2', '3']);
    turn();
    assert.deepEqual(started, ['1', '2', '3', '4', '5']);
    assert.equal(turns.length, 0);
  });

  it('takes connections in turn: who opens a thousand calls holds up its own', () => {
    const [busy, other, third] = [{}, {}, {}];
    for (let n = 0; n < 1_000; n++) open('busy', busy);
    open('other', other);
    open('third', third);
    turn();
    assert.deepEqual(started, ['busy', 'other', 'third']);
    open('other again', other);
    turn();
    assert.deepEqual(started.slice(3), ['busy', 'other again', 'busy']);
  });

  it('passes over what was reset before its turn, at no cost', () => {
    const connection = {};
    const streams = Array.from({ length: 1_000 }, (_, n) => open(`reset ${n}`, connection));
    const last = open('last', connection);
    for (const stream of streams) {
      (stream as { closed: boolean }).closed = true;
      stream.emit('close');
    }
    assert.equal(early, 1_000);
    turn();
    assert.deepEqual(started, ['last']);
    assert.equal(turns.length, 0);
    last.emit('close');
    assert.equal(early, 1_000, 'who has started is not early');
    assert.doesNotThrow(() => streams[0]?.emit('error', new Error('reset')));
  });
});
