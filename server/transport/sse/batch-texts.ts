import { decodeServerFrame } from '../../../protos/live.ts';
import type { Batch } from '../../../protos/gen/live/v1/Batch.ts';
import { bareFrame } from '../../log/frame-prefix.ts';
import { cursorText } from '../json/cursor-text.ts';
import { ephemeralJson, messageJson } from '../json/message-json.ts';
import { eventText } from './event-text.ts';

/** Memory for the texts of frames that were sent lately, in bytes. */
const KEPT_BYTES = 8 * 1024 * 1024;

interface Kept {
  readonly epoch: string;
  readonly text: Buffer;
}

/** The texts of batches: made once for all who are sent the same frame at about the same time. */
export class BatchTexts {
  readonly #keptBytes: number;
  /** By the frame that viewers share, the oldest first. */
  readonly #kept = new Map<Buffer, Kept>();
  #bytes = 0;

  constructor(keptBytes = KEPT_BYTES) {
    this.#keptBytes = keptBytes;
  }

  /** The text of a frame that was asked for lately. @param epoch of the cursors in it */
  get(frame: Buffer, epoch: string): Buffer | undefined {
    const kept = this.#kept.get(frame);
    return kept?.epoch === epoch ? kept.text : undefined;
  }

  /**
   * Makes the text of a frame, and keeps it.
   * @param epoch of the cursors in it
   */
  make(frame: Buffer, batch: Batch, epoch: string): Buffer {
    const text = Buffer.from(batchText(batch, epoch));
    this.#forget(frame);
    this.#kept.set(frame, { epoch, text });
    this.#bytes += frame.length + text.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#keptBytes) break;
      this.#forget(oldest);
    }
    return text;
  }

  #forget(frame: Buffer): void {
    const kept = this.#kept.get(frame);
    if (kept === undefined) return;
    this.#kept.delete(frame);
    this.#bytes -= frame.length + kept.text.length;
  }
}

/** The batch of a frame behind its prefix, or whatever else it holds. */
export function decodePrefixed(frame: Buffer): ReturnType<typeof decodeServerFrame> {
  return decodeServerFrame(bareFrame(frame));
}

function batchText({ reliable, ephemeral, ephemeralDropped, audience }: Batch, epoch: string): string {
  const events = reliable.map((message) =>
    eventText({
      event: 'message',
      id: cursorText({ epoch, seq: message.seq, fingerprint: message.fingerprint }),
      data: messageJson(message),
    }),
  );
  for (const message of ephemeral)
    events.push(eventText({ event: 'ephemeral', data: ephemeralJson(message) }));
  if (ephemeralDropped > 0)
    events.push(eventText({ event: 'dropped', data: { ephemeral: ephemeralDropped } }));
  if (audience !== undefined) events.push(eventText({ event: 'audience', data: { audience } }));
  return events.join('');
}
