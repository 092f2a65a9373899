import { decodeServerFrame, encodeServerFrame } from '../../protos/live.ts';
import type { Message } from '../../protos/gen/live/v1/Message.ts';
import { bareFrame, prefixedFrame } from './frame-prefix.ts';

/** What a batch takes beside a single message of it, in bytes: the room's name, counts, tags and lengths. */
const AROUND_BYTES = 256;

/** Tags and lengths around a text, in bytes, at most. */
const TEXT_OVERHEAD_BYTES = 12;
const MAX_TEXT_CHARACTERS = 1024;

/**
 * A batch, behind its prefix, with the messages left out that alone would make a frame of more than `maxBytes`: reliable ones come
 * without payload and headers, and say how large that was; ephemeral ones are counted as dropped, all of them if there is no
 * other way. Decoded for it: it is rare.
 */
export function fittedFrame(prefixed: Buffer, maxBytes: number): Buffer {
  const { batch } = decodeServerFrame(bareFrame(prefixed));
  if (!batch) return prefixed;
  const largest = maxBytes - AROUND_BYTES;
  const reliable = batch.reliable.map((message) =>
    contentBytes(message) > largest ? withoutContent(message) : message,
  );
  const frameWith = (ephemeral: typeof batch.ephemeral): Buffer => {
    const ephemeralDropped = batch.ephemeralDropped + batch.ephemeral.length - ephemeral.length;
    return prefixedFrame(encodeServerFrame({ batch: { ...batch, reliable, ephemeral, ephemeralDropped } }));
  };
  const frame = frameWith(batch.ephemeral.filter((message) => contentBytes(message) <= largest));
  return bareFrame(frame).length <= maxBytes ? frame : frameWith([]);
}

type Content = Pick<Message, 'type' | 'sender' | 'payload' | 'headers'> & Partial<Pick<Message, 'id'>>;

function contentBytes({ id = '', type, sender, payload, headers }: Content): number {
  const texts = [id, type, sender, ...Object.entries(headers).flat()];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text) + TEXT_OVERHEAD_BYTES, payload.length);
}

/** What a foreign producer has put into the short fields may be long, too. */
function withoutContent(message: Message): Message {
  const [id, type, sender] = [message.id, message.type, message.sender].map((text) =>
    text.length > MAX_TEXT_CHARACTERS ? '' : text,
  ) as [string, string, string];
  const omittedBytes = message.payload.length;
  return { ...message, id, type, sender, payload: Buffer.alloc(0), headers: {}, omittedBytes };
}
