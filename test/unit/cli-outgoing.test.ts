import assert from 'node:assert/strict';
import { parseLine } from '../../cli/outgoing.ts';
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
