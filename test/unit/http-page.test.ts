import assert from 'node:assert/strict';
import type { PullResponseInput } from '../../protos/gen/live/v1/PullResponse.ts';
import { liveService } from '../../protos/live.ts';
import { pageText } from '../../server/transport/api/page.ts';
import { parseCursorText } from '../../server/transport/json/cursor-text.ts';

const message = (seq: number) => ({
  seq,
  prevSeq: seq - 1,
  payload: Buffer.from(`${seq}`),
  fingerprint: seq,
});
const batch = (...seqs: number[]): PullResponseInput => ({ batch: { reliable: seqs.map(message) } });
const at = (seq: number, epoch = 'e') => ({ epoch, seq, fingerprint: seq });
const gapOf = (epoch: string): PullResponseInput => ({
  gap: { after: 2, next: 5, cause: 'CAUSE_RETENTION', cursor: at(4, epoch) },
});
const gap = gapOf('e');
const reset: PullResponseInput = { reset: { cause: 'CAUSE_RECREATED', cursor: at(0, 'f') } };
const end: PullResponseInput = { end: { cursor: at(6), head: 9 } };

describe('a page of a room as JSON', () => {
  /** @param failing what comes behind the parts, if anything does */
  async function* pulled(parts: readonly PullResponseInput[], failing?: Error): AsyncGenerator<Buffer> {
    for (const part of parts) yield await Promise.resolve(liveService.Pull.responseSerialize(part));
    if (failing) throw failing;
  }

  async function page(
    parts: readonly PullResponseInput[],
    epoch?: string,
    failing?: Error,
  ): Promise<unknown> {
    let text = '';
    for await (const part of pageText(pulled(parts, failing), epoch)) text += part;
    const { messages, cursor, ...rest } = JSON.parse(text) as {
      messages: { seq: number }[];
      cursor: string;
    };
    const { epoch: of, seq } = parseCursorText(cursor);
    return { seqs: messages.map((each) => each.seq), at: `${of} ${seq}`, ...rest };
  }

  it('has all messages, and says where the range has come to', async () => {
    assert.deepEqual(await page([batch(1, 2), batch(5, 6), end]), {
      seqs: [1, 2, 5, 6],
      at: 'e 6',
      head: 9,
      more: true,
    });
    assert.deepEqual(await page([{ end: { cursor: at(9), head: 9 } }]), {
      seqs: [],
      at: 'e 9',
      head: 9,
      more: false,
    });
  });

  it('tells of a break before all messages, and ends before one that comes later', async () => {
    const told = { after: 2, next: 5, cause: 'RETENTION' };
    assert.deepEqual(await page([gap, batch(5, 6), end], 'e'), {
      gap: told,
      seqs: [5, 6],
      at: 'e 6',
      head: 9,
      more: true,
    });
    const first = { seqs: [1, 2], at: 'e 2', more: true };
    assert.deepEqual(await page([batch(1, 2), gap, batch(5, 6), end], 'e'), first);
    assert.deepEqual(
      await page([batch(1, 2), gap, batch(5, 6), end]),
      first,
      'whose stream nobody has named',
    );
    assert.deepEqual(await page([batch(1, 2), reset, batch(1), end], 'e'), first);
    assert.deepEqual(await page([reset, gapOf('f'), end], 'e'), {
      reset: { cause: 'RECREATED' },
      seqs: [],
      at: 'f 0',
      more: true,
    });
  });

  it('that cannot be read to its end is ended where it says where to go on, and not else', async () => {
    const lost = new Error('lost');
    assert.deepEqual(await page([batch(1, 2)], 'e', lost), { seqs: [1, 2], at: 'e 2', more: true });
    assert.deepEqual(await page([reset, batch(1)], 'e', lost), {
      reset: { cause: 'RECREATED' },
      seqs: [1],
      at: 'f 1',
      more: true,
    });
    await assert.rejects(page([], 'e', lost), lost);
    await assert.rejects(page([batch(1, 2)], undefined, lost), lost);
  });
});
