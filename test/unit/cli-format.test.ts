import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { eventObject, jsonLine, slowObject, stateObject } from '../../cli/format-json.ts';
import { eventLine, slowLine, stateLine } from '../../cli/format-text.ts';
import type { MessageEvent } from '../../client/index.ts';
import { LiveError } from '../../client/index.ts';

function messageEvent(payload: Buffer): MessageEvent {
  return {
    kind: 'message',
    room: 'demo',
    cursor: { epoch: 'e', seq: 9007199254740993n, fingerprint: 7 },
    message: {
      seq: 9007199254740993n,
      prevSeq: 1n,
      fingerprint: 7,
      id: 'i',
      type: 'gift',
      sender: 'ann',
      timeMs: 0,
      payload,
      headers: {},
    },
  };
}

const parsed = (value: object): unknown => JSON.parse(jsonLine(value));

describe('cli output', () => {
  it('writes sequences as strings and payloads as they are', () => {
    assert.deepEqual(parsed(eventObject(messageEvent(Buffer.from('{"n":1}')))), {
      kind: 'message',
      room: 'demo',
      seq: '9007199254740993',
      prevSeq: '1',
      fingerprint: 7,
      id: 'i',
      type: 'gift',
      sender: 'ann',
      timeMs: 0,
      headers: {},
      payload: '{"n":1}',
      cursor: { epoch: 'e', seq: '9007199254740993', fingerprint: 7 },
    });
  });

  it('writes a payload that is no text as base64', () => {
    const object = parsed(eventObject(messageEvent(Buffer.from([0xff, 0x00]))));
    assert.ok(typeof object === 'object' && object !== null && !('payload' in object));
    assert.equal('payloadBase64' in object && object.payloadBase64, '/wA=');
  });

  it('does not let a stranger command the terminal', () => {
    const line = eventLine(messageEvent(Buffer.from('\u001b[2J\u0007line\nbreak\u202e天依')));
    assert.ok(line.endsWith('\\u001b[2J\\u0007line\\u000abreak\\u202e天依'), line);
  });

  it('tells how much of a message that takes its time has come, and of how much if that is known', () => {
    assert.match(slowLine(300_400, 10_250, 990_100), /slow: 300 of 990 kB of a message in 10 s/);
    assert.match(slowLine(300_400, 10_250, undefined), /slow: 300 kB of a message/);
    assert.deepEqual(parsed(slowObject(300, 10_250, 990)), {
      kind: 'slow',
      bytes: 300,
      total: 990,
      ms: 10_250,
    });
    assert.deepEqual(parsed(slowObject(300, 10_250, undefined)), { kind: 'slow', bytes: 300, ms: 10_250 });
  });

  it('tells why there is no connection', () => {
    const state = {
      kind: 'backoff',
      since: 0,
      attempt: 1,
      delayMs: 20,
      nextEndpoint: 'b:2',
      cause: new LiveError(status.UNAVAILABLE, 'refused', { reason: 'DRAINING' }),
    } as const;
    assert.match(stateLine(state) ?? '', /refused \(UNAVAILABLE, DRAINING\); tries b:2 in 20 ms/);
    assert.deepEqual(parsed(stateObject(state)), {
      kind: 'state',
      state: 'backoff',
      since: 0,
      attempt: 1,
      delayMs: 20,
      nextEndpoint: 'b:2',
      error: 'refused',
      code: 'UNAVAILABLE',
      reason: 'DRAINING',
    });
  });
});
