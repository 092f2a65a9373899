import { UpstreamError } from './upstream-error.ts';
import type { HistoryRead } from '../log/evidence.ts';
import type { Upstream } from './upstream.ts';

/**
 * Reads a page of a room's history, and makes sure that whoever reads on from its end comes further: what else would be
 * asked for again at once, for ever, is a failure, to be retried as one.
 * @throws UpstreamError when NATS cannot be asked, or brings nothing behind `from` although the stream goes on there
 */
export async function readHistory(upstream: Upstream, room: string, from: number): Promise<HistoryRead> {
  const read = await upstream.readHistory(room, from);
  requireProgress(read);
  return read;
}

/** @throws UpstreamError when nothing behind its beginning was read although the stream goes on there */
export function requireProgress({
  from,
  upto,
  lastSeq,
}: Pick<HistoryRead, 'from' | 'upto' | 'lastSeq'>): void {
  if (upto <= from && from < lastSeq) {
    throw new UpstreamError(
      `a read from ${from} brought nothing behind it; the stream goes on to ${lastSeq}`,
    );
  }
}
