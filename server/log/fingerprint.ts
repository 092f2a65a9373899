import { crc32 } from 'node:zlib';
import type { MessageContent } from './message.ts';

/**
 * The `fingerprint` of a cursor: a CRC-32 over everything of a message that reads the same in the stream, in
 * the feed and on every gateway. Time is left out: the feed of a NATS server before 2.10 does not
 * carry it. Never 0, because 0 says "not a message".
 */
export function fingerprint(content: MessageContent): number {
  let crc = crc32(content.payload);
  crc = crc32(`${content.id}\n${content.type}\n${content.sender}\n`, crc);
  if (content.headers.length > 0) {
    const lines = content.headers.map(([name, value]) => `${name}:${value}\n`);
    crc = crc32(lines.sort().join(''), crc);
  }
  return crc === 0 ? 1 : crc;
}
