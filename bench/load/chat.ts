import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** One line of a recorded chat. */
export interface ChatLine {
  /** When it was said, in milliseconds since the recording began. */
  readonly atMs: number;
  readonly type: string;
  readonly sender: string;
  readonly payload: string;
}

/** Now and then somebody gives something: after so many lines. */
const LINES_PER_GIFT = 50;
const GIFT = { type: 'gift', payload: JSON.stringify({ gift: 'rose', count: 1 }) };

/**
 * Reads a recorded chat, one JSON object a line: `at_ms`, `type`, `sender`, `payload`. Puts gifts between the lines.
 * @throws when the file cannot be read
 */
export async function readChat(file: string): Promise<ChatLine[]> {
  const rows = (await readFile(file, 'utf8')).split('\n').filter(Boolean);
  return rows.flatMap((row, index) => {
    const { at_ms: atMs, type, sender, payload } = JSON.parse(row) as Record<string, unknown>;
    const line = { atMs: Number(atMs), type: String(type), sender: String(sender) };
    const said = { ...line, payload: JSON.stringify(payload) };
    return index % LINES_PER_GIFT === 0 ? [said, { ...line, ...GIFT }] : [said];
  });
}

/** Says `lines` at their times, `speed` times as fast. */
export async function playChat(
  lines: readonly ChatLine[],
  speed: number,
  say: (line: ChatLine) => void,
): Promise<void> {
  const beganMs = performance.now();
  const firstMs = lines[0]?.atMs ?? 0;
  for (const line of lines) {
    const waitMs = (line.atMs - firstMs) / speed - (performance.now() - beganMs);
    if (waitMs > 1) await delay(waitMs);
    say(line);
  }
}
