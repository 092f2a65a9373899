import { decodeServerFrame } from '../../../protos/live.ts';
import type { Batch } from '../../../protos/gen/live/v1/Batch.ts';
import type { Message } from '../../../protos/gen/live/v1/Message.ts';
import { bareFrame } from '../../log/frame-prefix.ts';
import { cursorText } from '../json/cursor-text.ts';
import { ephemeralJson, messageJson } from '../json/message-json.ts';
import { BoundedCache } from './bounded-cache.ts';
import { eventText } from './event-text.ts';

/** Memory for the texts of frames that were sent lately, and as much for those of messages, in bytes. */
const KEPT_BYTES = 4 * 1024 * 1024;
/** What the key of a message takes, about, in bytes. */
const KEY_BYTES = 100;

/** What the viewers of a frame are sent. */
interface FrameText {
  /** Of the cursors in it. */
  readonly epoch: string;
  readonly text: Buffer;
}

/**
 * The texts of batches: made once for all who are sent the same frame at about the same time. Viewers that are not equally far are sent the same messages in other
 * frames: so the text of each message is made once, too.
 */
export class BatchTexts {
  /** By the frame that viewers share. */
  readonly #frames: BoundedCache<Buffer, FrameText>;
  readonly #messages: BoundedCache<string, Buffer>;

  constructor(keptBytes = KEPT_BYTES) {
    this.#frames = new BoundedCache(keptBytes);
    this.#messages = new BoundedCache(keptBytes);
  }

  /** The text of a frame that was asked for lately. @param epoch of the cursors in it */
  get(frame: Buffer, epoch: string): Buffer | undefined {
    const kept = this.#frames.get(frame);
    return kept?.epoch === epoch ? kept.text : undefined;
  }

  /**
   * Makes the text of a frame, and keeps it.
   * @param epoch of the cursors in it
   */
  make(frame: Buffer, batch: Batch, epoch: string): Buffer {
    const messages = batch.reliable.map((message) => this.#ofMessage(message, epoch));
    const text = Buffer.concat([...messages, Buffer.from(restText(batch))]);
    this.#frames.set(frame, { epoch, text }, frame.length + text.length);
    return text;
  }

  #ofMessage(message: Message, epoch: string): Buffer {
    const key = keyOf(message, epoch);
    const known = this.#messages.get(key);
    if (known !== undefined) return known;
    const { seq, fingerprint } = message;
    const id = cursorText({ epoch, seq, fingerprint });
    const text = Buffer.from(eventText({ event: 'message', id, data: messageJson(message) }));
    this.#messages.set(key, text, KEY_BYTES + text.length);
    return text;
  }
}

/** Where two messages have the same, their texts are the same: the fingerprint stands for the content, and the place for the rest. */
function keyOf({ seq, prevSeq, fingerprint, timeMs, omittedBytes }: Message, epoch: string): string {
  return `${epoch} ${seq} ${prevSeq} ${fingerprint} ${timeMs} ${omittedBytes}`;
}

/** The batch of a frame behind its prefix, or whatever else it holds. */
export function decodePrefixed(frame: Buffer): ReturnType<typeof decodeServerFrame> {
  return decodeServerFrame(bareFrame(frame));
}

/** What a batch holds beside reliable messages. */
function restText({ ephemeral, ephemeralDropped, audience }: Batch): string {
  const events = ephemeral.map((message) => eventText({ event: 'ephemeral', data: ephemeralJson(message) }));
  if (ephemeralDropped > 0)
    events.push(eventText({ event: 'dropped', data: { ephemeral: ephemeralDropped } }));
  if (audience !== undefined) events.push(eventText({ event: 'audience', data: { audience } }));
  return events.join('');
}
