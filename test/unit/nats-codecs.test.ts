import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Msg, MsgHdrs } from 'nats';
import { headers as createHeaders, MsgHdrsImpl } from 'nats';
import { parseAckSubject } from '../../server/nats/codec/ack-subject.ts';
import type { HeaderLine } from '../../server/nats/codec/header-lines.ts';
import {
  headerLines,
  parseHeaderLines,
  parseRepublishedLines,
} from '../../server/nats/codec/header-lines.ts';
import {
  decodeContent,
  decodeRepublished,
  decodeStored,
  encodeStoredHeaders,
} from '../../server/nats/codec/message-codec.ts';
import { runs } from '../helpers/property.ts';

const payload = Buffer.from('{"n":1}');

/** As they come from a server. */
function sent(headers: MsgHdrs): HeaderLine[] {
  return parseHeaderLines(encode(headers));
}

function encode(headers: MsgHdrs): Uint8Array {
  return MsgHdrsImpl.prototype.encode.call(headers);
}

describe('nats: header lines', () => {
  it('property: are what the NATS client reads, wherever it does', () => {
    const name = fc.string({ unit: 'binary-ascii', minLength: 1 }).filter((text) => /^[!-9;-~]+$/.test(text));
    const value = fc.string({ unit: 'grapheme' }).filter((text) => !/[\r\n]/.test(text));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), (pairs) => {
        const headers = createHeaders();
        for (const [name, value] of pairs) headers.append(name, value);
        const block = encode(headers);
        const read = [...MsgHdrsImpl.decode(block)].flatMap(([name, values]) =>
          values.map((value): HeaderLine => [name, value]),
        );
        assert.deepEqual(parseHeaderLines(block), read);
      }),
      runs(200),
    );
  });

  it('are read as far as they are any', () => {
    const cases: readonly (readonly [string, HeaderLine[]])[] = [
      ['', []],
      ['NATS/1.0', []],
      ['NATS/1.0\r\n\r\n', []],
      ['NATS/1.0 503 No Responders\r\n\r\n', []],
      [
        'NATS/1.0\r\nA: 1\r\nB:2\r\nA:\t3 \r\n\r\n',
        [
          ['A', '1'],
          ['B', '2'],
          ['A', '3'],
        ],
      ],
      [
        'NATS/1.0\r\nMy Trace: 1\r\nno colon\r\n: no name\r\n\r\n',
        [
          ['My Trace', '1'],
          ['', 'no name'],
        ],
      ],
      ['NATS/1.0\r\nA: a:b\rc\nd\r\n\r\n', [['A', 'a:b\rc\nd']]],
      ['NATS/1.0\r\nA: 1\r\nB: cut', [['A', '1']]],
      ['no version\r\nA: 1\r\n', []],
    ];
    for (const [text, expected] of cases)
      assert.deepEqual(parseHeaderLines(Buffer.from(text)), expected, text);
  });

  it('property: are the same of a stored message and, before what the server adds, of the republished one', () => {
    const added =
      'Nats-Stream: LIVE\r\nNats-Subject: live.room.r\r\nNats-Sequence: 7\r\nNats-Last-Sequence: 6\r\n\r\n';
    const piece = fc.constantFrom(
      'NATS/1.0',
      '\r\n',
      '\r',
      '\n',
      'A',
      ': ',
      ':',
      'b',
      'Nats-Stream: ',
      'ü',
      '\0',
    );
    fc.assert(
      fc.property(fc.array(piece, { minLength: 2 }), (pieces) => {
        const stored = Buffer.from(pieces.join(''));
        // As servers do it, whatever the last two bytes are.
        const republished = Buffer.concat([stored.subarray(0, -2), Buffer.from(added)]);
        const own = ['Stream', 'Subject', 'Sequence', 'Last-Sequence'].map((name) => `Nats-${name}`);
        const lines = parseRepublishedLines(republished);
        assert.deepEqual(lines.slice(0, -own.length), parseHeaderLines(stored));
        assert.deepEqual(
          lines.slice(-own.length).map(([name]) => name),
          own,
        );
      }),
      runs(500),
    );
  });

  it("of a republished message without any are the server's", () => {
    const block = Buffer.from('NATS/1.0\r\nNats-Stream: LIVE\r\nNats-Sequence: 7\r\n\r\n');
    assert.deepEqual(parseRepublishedLines(block), [
      ['Nats-Stream', 'LIVE'],
      ['Nats-Sequence', '7'],
    ]);
    assert.deepEqual(parseRepublishedLines(Buffer.alloc(0)), []);
  });

  it('says so where the client keeps the bytes elsewhere', () => {
    assert.throws(() => headerLines({} as Msg), /keeps the bytes of a message elsewhere/);
    assert.throws(() => headerLines({ _msg: { hdr: 4 } } as unknown as Msg), /elsewhere/);
  });
});

describe('nats: message codec', () => {
  it('reads what it has written', () => {
    const content = {
      id: 'k',
      type: 'gift',
      sender: 'Zoë 李',
      payload,
      headers: [['Trace', 'abc']] as const,
    };
    assert.deepEqual(decodeContent(sent(encodeStoredHeaders(content)), payload), content);
  });

  it('takes a message without headers, and one with none of ours', () => {
    const bare = { id: '', type: '', sender: '', payload, headers: [] };
    assert.deepEqual(decodeContent([], payload), bare);
    const tags: HeaderLine[] = [
      ['X-Tag', 'a'],
      ['X-Tag', 'b'],
    ];
    assert.deepEqual(decodeContent(tags, payload), { ...bare, headers: [['X-Tag', 'a, b']] });
  });

  it('takes several values of one name for one, an empty one included', () => {
    const lines: HeaderLine[] = [
      ['Live-Type', ''],
      ['Live-Type', 'gift'],
      ['Live-Sender', 's'],
      ['Live-Sender', 't'],
      ['Nats-Msg-Id', 'k'],
      ['Nats-Msg-Id', ''],
    ];
    const expected = { id: 'k, ', type: ', gift', sender: 's, t', payload, headers: [] };
    assert.deepEqual(decodeContent(lines, payload), expected);
  });

  it('a message from the feed and the same from the stream have one fingerprint', () => {
    const published = sent(
      encodeStoredHeaders({ id: 'k', type: 'gift', sender: 's', headers: [['Trace', 'abc']] }),
    );
    const server = ['Nats-Stream', 'Nats-Subject', 'Nats-Sequence', 'Nats-Last-Sequence', 'Nats-Time-Stamp'];
    const republished = [...published, ...server.map((name): HeaderLine => [name, '1'])];
    const stored = decodeStored(7, 1, published, payload);
    const fed = decodeStored(7, 99, republished, payload);
    assert.equal(fed.fingerprint, stored.fingerprint);
    assert.deepEqual(fed.content, stored.content);
  });

  it('reads what the server says, behind what a publisher has copied, and says when it says nothing', () => {
    const copied: HeaderLine[] = [
      ['Nats-Sequence', '4711'],
      ['Nats-Time-Stamp', '1999-01-01T00:00:00Z'],
    ];
    const said: HeaderLine[] = [
      ['Nats-Sequence', '9007199254740991'],
      ['Nats-Last-Sequence', '0'],
      ['Nats-Time-Stamp', '2024-05-06T07:08:09.123456789Z'],
    ];
    assert.deepEqual(decodeRepublished([...copied, ...said]), {
      seq: Number.MAX_SAFE_INTEGER,
      prevSeq: 0,
      timeMs: Date.UTC(2024, 4, 6, 7, 8, 9, 123),
    });
    const nothing = { seq: Number.NaN, prevSeq: Number.NaN, timeMs: undefined };
    assert.deepEqual(decodeRepublished([]), nothing);
    assert.deepEqual(
      decodeRepublished([
        ['Nats-Sequence', ''],
        ['Nats-Last-Sequence', 'x'],
      ]),
      nothing,
    );
  });
});

describe('nats: ack subjects', () => {
  const expected = { consumer: 'consumer', seq: 42, timeMs: 1_700_000_000_123, delivered: 7, pending: 3 };

  it('reads both forms', () => {
    const old = '$JS.ACK.LIVE.consumer.1.42.7.1700000000123456789.3';
    const current = '$JS.ACK._.hash.LIVE.consumer.1.42.7.1700000000123456789.3.token';
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
