import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { LONGEST_LINE_BYTES, readLines } from '../../cli/lines.ts';
import { parseLine, textOf } from '../../cli/outgoing.ts';
import { Pacer } from '../../cli/pacing.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

describe('cli input lines', () => {
  const defaults = { headers: {} };

  it('sends a string as it is and everything else as compact JSON', () => {
    const payloadOf = (payload: string) =>
      parseLine(`{"type":"gift","payload":${payload}}`, defaults).message.payload;
    assert.equal(payloadOf('"a b"'), 'a b');
    assert.equal(payloadOf('{ "text" : "天依" }'), '{"text":"天依"}');
    assert.equal(payloadOf('[1, 2]'), '[1,2]');
    assert.equal(payloadOf('null'), 'null');
    assert.equal(parseLine('{"type":"gift"}', defaults).message.payload, '');
  });

  it('sends a payload as it is written: no number loses anything', () => {
    const payloadOf = (payload: string) =>
      parseLine(`{ "key" : "k", "payload" : ${payload} , "type":"gift"}`, defaults).message.payload;
    for (const payload of [
      '{"id":12345678901234567890}',
      '1.0',
      '-0',
      '[1e400,"\\u0041 \\" , ]"]',
      '{"a":{"payload":[true,null]},"":[{}]}',
    ]) {
      assert.equal(payloadOf(payload), payload);
    }
    assert.equal(
      payloadOf('{ "id" : [ 12345678901234567890 ,\t" a : b " ] }'),
      '{"id":[12345678901234567890," a : b "]}',
    );
  });

  it('reads bytes: a mark at the beginning, lines of any end, and none that is not UTF-8', async () => {
    const chunks = ['\ufeff{"a"', ':1}\r\n\n', 'x'.repeat(20), `\n\ufeffb`].map((text) => Buffer.from(text));
    chunks.push(Buffer.from([0xff]));
    const read: unknown[] = [];
    for await (const line of readLines(Readable.from(chunks), new AbortController().signal, 15)) {
      try {
        read.push(textOf(line));
      } catch (error) {
        read.push(String(error));
      }
    }
    assert.deepEqual(read, [
      '{"a":1}',
      '',
      `Error: longer than ${LONGEST_LINE_BYTES} bytes`,
      'Error: not UTF-8',
    ]);
  });

  it('stops reading when aborted', async () => {
    const abort = new AbortController();
    const lines = readLines(new PassThrough(), abort.signal);
    const next = lines.next();
    abort.abort();
    assert.equal((await next).done, true);
  });

  it('prefers what the line says to what is given for all', () => {
    const given = { headers: { h: '1' }, sender: 'all', class: 'EPHEMERAL' } as const;
    const { message, atMs } = parseLine('{"type":"wave","sender":"ann","key":"k","at_ms":250}', given);
    assert.deepEqual(message, {
      type: 'wave',
      payload: '',
      sender: 'ann',
      key: 'k',
      class: 'EPHEMERAL',
      headers: { h: '1' },
    });
    assert.equal(atMs, 250);
    assert.equal(parseLine('{"type":"gift"}', given).message.class, 'RELIABLE');
  });

  it('says what is wrong with a line', () => {
    const wrong: [line: string, message: RegExp][] = [
      ['{', /not JSON/],
      ['[]', /not a JSON object/],
      ['null', /not a JSON object/],
      ['{"payload":1}', /"type"/],
      ['{"type":"gift","sender":7}', /"sender"/],
      ['{"type":"gift","key":{}}', /"key"/],
      ['{"type":"gift","at_ms":"soon"}', /"at_ms"/],
      ['{"type":"gift","paylod":1}', /"paylod" is none of type, payload, sender, key, at_ms/],
      ['{"type":"gift","payload":1,"payload":2}', /"payload" is there twice/],
      ['{"type":"gift","payload":"\\ud800"}', /"payload" has half a surrogate pair/],
    ];
    for (const [line, message] of wrong) assert.throws(() => parseLine(line, defaults), { message }, line);
  });
});

describe('cli pacing', () => {
  /** When each message was let go, given its offset. */
  async function release(
    pacer: Pacer,
    clock: ManualClock,
    offsets: (number | undefined)[],
  ): Promise<number[]> {
    const times: number[] = [];
    for (const offset of offsets) {
      const due = pacer.due(offset);
      while (clock.pending > 0) clock.advance(1);
      await due;
      times.push(clock.monotonicMs());
    }
    return times;
  }

  it('keeps a rate without adding up lateness', async () => {
    const clock = new ManualClock();
    const pacer = new Pacer({ kind: 'rate', perSecond: 100 }, clock, new AbortController().signal);
    assert.deepEqual(await release(pacer, clock, [undefined, undefined]), [0, 10]);
    clock.advance(25);
    assert.deepEqual(await release(pacer, clock, [undefined, undefined, undefined]), [35, 35, 40]);
  });

  it('keeps the offsets of the messages, counted from the first', async () => {
    const clock = new ManualClock();
    const pacer = new Pacer({ kind: 'offsets' }, clock, new AbortController().signal);
    assert.deepEqual(
      await release(pacer, clock, [500, 500, 520, undefined, 510, 600]),
      [0, 0, 20, 20, 20, 100],
    );
  });

  it('stops waiting when aborted', async () => {
    const abort = new AbortController();
    const clock = new ManualClock();
    const pacer = new Pacer({ kind: 'rate', perSecond: 1 }, clock, abort.signal);
    await pacer.due(undefined);
    const due = pacer.due(undefined);
    abort.abort();
    await due;
    assert.equal(clock.pending, 0);
  });
});
