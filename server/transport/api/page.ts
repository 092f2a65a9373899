import { unprefixed } from '../../../protos/enum-names.ts';
import type { Batch } from '../../../protos/gen/live/v1/Batch.ts';
import type { Cursor, CursorInput } from '../../../protos/gen/live/v1/Cursor.ts';
import type { PullRequest } from '../../../protos/gen/live/v1/PullRequest.ts';
import type { PullResponse } from '../../../protos/gen/live/v1/PullResponse.ts';
import { liveService } from '../../../protos/live.ts';
import { Failure } from '../../session/failure.ts';
import { cursorText, parseCursorText } from '../json/cursor-text.ts';
import { messageJson } from '../json/message-json.ts';
import { parseStart } from '../json/start-text.ts';

/** Messages of a page. */
export const PAGE_LIMIT = { usual: 100, most: 1_000 };

/**
 * Which page an address asks for.
 * @throws Failure
 */
export function pageRequest(room: string, query: URLSearchParams): PullRequest {
  const { Pull } = liveService;
  const after = query.get('after');
  const start = parseStart(query.get('from') ?? 'earliest');
  const from = after === null ? { start } : { cursor: parseCursorText(after) };
  const input = { room, limit: limitOf(query.get('limit')), ...from };
  return Pull.requestDeserialize(Pull.requestSerialize(input));
}

function limitOf(text: string | null): number {
  const limit = text === null ? PAGE_LIMIT.usual : Number(text);
  if (/^\d+$/.test(text ?? '1') && limit >= 1 && limit <= PAGE_LIMIT.most) return limit;
  throw new Failure('REQUEST_INVALID', `limit: a number from 1 to ${PAGE_LIMIT.most}`);
}

/**
 * A page of a room as the text of a JSON object, part by part. A gap or reset comes before all messages: one that comes later ends the page, and is told with the
 * next. So does an error, once messages have been said.
 * @param parts of a pull, encoded
 * @param epoch of the cursor that was brought; undefined: there was none
 * @throws what the parts throw, unless the page says where to go on
 */
export async function* pageText(
  parts: AsyncIterable<Buffer>,
  epoch: string | undefined,
): AsyncGenerator<string, void, undefined> {
  const page = new Page(epoch);
  try {
    for await (const part of parts) {
      const text = page.take(liveService.Pull.responseDeserialize(part));
      if (text !== '') yield text;
      if (page.over) break;
    }
  } catch (error) {
    if (!page.canEnd) throw error;
  }
  yield page.end();
}

/** What has been said of a page, and where it has come to. */
class Page {
  #epoch: string | undefined;
  #place: CursorInput | undefined;
  /** Said when the end of the range is known. */
  #head: number | undefined;
  #text: 'nothing' | 'break' | 'messages' = 'nothing';
  over = false;

  constructor(epoch: string | undefined) {
    this.#epoch = epoch;
  }

  /** Whether it says something, and where to go on. */
  get canEnd(): boolean {
    return this.#text !== 'nothing' && this.#place?.epoch !== undefined;
  }

  /** What is to be said of a part. */
  take({ batch, gap, reset, end }: PullResponse): string {
    if (batch) return this.#messages(batch);
    if (gap) {
      const { after, next, cause, cursor } = gap;
      const told = { after: Number(after), next: Number(next), cause: unprefixed('CAUSE', cause) };
      return this.#break('gap', told, cursor);
    }
    if (reset) return this.#break('reset', { cause: unprefixed('CAUSE', reset.cause) }, reset.cursor);
    if (end) {
      this.#place = end.cursor ?? undefined;
      this.#head = Number(end.head);
    }
    return '';
  }

  /** The rest of it. */
  end(): string {
    const begin = this.#text === 'messages' ? '' : `${this.#opening}"messages":[`;
    const cursor = this.#place && cursorText(this.#place);
    const more = this.#head === undefined || Number(this.#place?.seq) < this.#head;
    const rest = JSON.stringify({ cursor, head: this.#head, more });
    return `${begin}],${rest.slice(1)}\n`;
  }

  get #opening(): string {
    return this.#text === 'nothing' ? '{' : ',';
  }

  #messages({ reliable }: Batch): string {
    const last = reliable.at(-1);
    if (last === undefined) return '';
    const texts = reliable.map((message) => JSON.stringify(messageJson(message))).join(',\n');
    const begin = this.#text === 'messages' ? ',\n' : `${this.#opening}"messages":[`;
    this.#text = 'messages';
    const { seq, fingerprint } = last;
    this.#place = { seq, fingerprint, ...(this.#epoch === undefined ? {} : { epoch: this.#epoch }) };
    return begin + texts;
  }

  #break(kind: 'gap' | 'reset', told: object, cursor: Cursor | null): string {
    if (this.#text !== 'nothing') {
      // A gap is of the same stream as what came before it.
      if (kind === 'gap' && cursor) this.#place = { ...this.#place, epoch: cursor.epoch };
      this.over = true;
      return '';
    }
    this.#text = 'break';
    this.#place = cursor ?? undefined;
    this.#epoch = cursor?.epoch;
    return `{"${kind}":${JSON.stringify(told)}`;
  }
}
