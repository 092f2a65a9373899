import assert from 'node:assert/strict';
import { headers as createHeaders } from 'nats';
import { parseAckSubject } from '../../server/nats/ack-subject.ts';
import {
  decodeContent,
  decodeStored,
  encodeStoredHeaders,
  sequenceHeader,
  storedTimeMs,
} from '../../server/nats/message-codec.ts';
import { decodePresence, encodePresence } from '../../server/nats/presence.ts';

const payload = Buffer.from('{"n":1}');

describe('nats: message codec', () => {
  it('reads what it has written', () => {
    const content = {
      id: 'k',
      type: 'gift',
      sender: 'Zoë 李',
      payload,
      headers: [['Trace', 'abc']] as const,
    };
    const headers = encodeStoredHeaders(content);
    assert.deepEqual(decodeContent(headers, payload), content);
  });

  it('takes a message without headers, and one with none of ours', () => {
    const bare = { id: '', type: '', sender: '', payload, headers: [] };
    assert.deepEqual(decodeContent(undefined, payload), bare);
    const headers = createHeaders();
    headers.append('X-Tag', 'a');
    headers.append('X-Tag', 'b');
    assert.deepEqual(decodeContent(headers, payload), { ...bare, headers: [['X-Tag', 'a, b']] });
  });

  it('a message from the feed and the same from the stream have one fingerprint', () => {
    const published = encodeStoredHeaders({
      id: 'k',
      type: 'gift',
      sender: 's',
      headers: [['Trace', 'abc']],
    });
    const republished = createHeaders();
    const server = ['Nats-Stream', 'Nats-Subject', 'Nats-Sequence', 'Nats-Last-Sequence', 'Nats-Time-Stamp'];
    for (const name of server) republished.set(name, '1');
    for (const [name, values] of published) republished.set(name, values[0] ?? '');
    const stored = decodeStored(7, 1, published, payload);
    const fed = decodeStored(7, 99, republished, payload);
    assert.equal(fed.check, stored.check);
    assert.deepEqual(fed.content, stored.content);
  });

  it('reads sequences, and says when there are none', () => {
    const headers = createHeaders();
    headers.set('Nats-Sequence', '9007199254740991');
    headers.set('Nats-Last-Sequence', '0');
    assert.equal(sequenceHeader(headers, 'Nats-Sequence'), Number.MAX_SAFE_INTEGER);
    assert.equal(sequenceHeader(headers, 'Nats-Last-Sequence'), 0);
    assert.ok(Number.isNaN(sequenceHeader(headers, 'Nats-Absent')));
  });

  it('reads the time of storage where the server tells it', () => {
    const headers = createHeaders();
    assert.equal(storedTimeMs(headers), undefined);
    headers.set('Nats-Time-Stamp', '2024-05-06T07:08:09.123456789Z');
    assert.equal(storedTimeMs(headers), Date.UTC(2024, 4, 6, 7, 8, 9, 123));
  });
});

describe('nats: ack subjects', () => {
  const expected = { seq: 42, timeMs: 1_700_000_000_123 };

  it('reads both forms', () => {
    const old = '$JS.ACK.LIVE.consumer.1.42.7.1700000000123456789.0';
    const current = '$JS.ACK._.hash.LIVE.consumer.1.42.7.1700000000123456789.0.token';
    assert.deepEqual(parseAckSubject(old), expected);
    assert.deepEqual(parseAckSubject(current), expected);
    assert.deepEqual(parseAckSubject(current.replace(/\.token$/, '')), expected);
  });

  it('refuses everything else', () => {
    for (const subject of [
      '',
      '_INBOX.abc',
      '$JS.ACK.LIVE.c',
      '$JS.ACK.LIVE.c.1.x.7.1.0',
      'a.b.c.1.2.3.4.5.6',
    ]) {
      assert.throws(() => parseAckSubject(subject), /not the reply subject/, subject);
    }
  });
});

describe('nats: presence', () => {
  it('reads what it has written', () => {
    const presence = { gateway: 'g1', viewers: 3 };
    assert.deepEqual(decodePresence(Buffer.from(encodePresence(presence))), presence);
  });

  it('refuses what no gateway says', () => {
    const others = [
      '',
      'x',
      '{}',
      '{"gateway":"","viewers":1}',
      '{"gateway":"g","viewers":-1}',
      '{"gateway":"g","viewers":1.5}',
    ];
    for (const text of others) assert.throws(() => decodePresence(Buffer.from(text)));
  });
});
