import type { Fault } from '../fault.ts';
import type { Segment, Shaper } from '../segment.ts';
import { sleep } from '../../../common/sleep.ts';

/** Bytes are let through in pieces that take this long, so that a large write trickles instead of arriving at once. */
const PIECE_MS = 20;

/** Each direction carries at most `bytesPerSecond` bytes a second. */
export function bandwidth(bytesPerSecond: number): Fault {
  const pieceBytes = Math.max(1, Math.floor((bytesPerSecond * PIECE_MS) / 1_000));
  const cap: Shaper = async ({ input, output, lifted, clock }) => {
    let freeMs = 0;
    for await (const { segment, atMs } of input) {
      for (const piece of piecesOf(segment, pieceBytes)) {
        const length = piece.kind === 'bytes' ? piece.bytes.length : 0;
        freeMs = Math.max(freeMs, atMs) + (length / bytesPerSecond) * 1_000;
        await sleep(clock, freeMs - clock.monotonicMs(), lifted);
        await output.write(piece);
      }
    }
  };
  return {
    name: 'bandwidth',
    apply(link, lifted) {
      link.shape('up', cap, lifted);
      link.shape('down', cap, lifted);
    },
  };
}

function* piecesOf(segment: Segment, pieceBytes: number): Generator<Segment, void> {
  if (segment.kind !== 'bytes') {
    yield segment;
    return;
  }
  for (let start = 0; start < segment.bytes.length; start += pieceBytes) {
    yield { kind: 'bytes', bytes: segment.bytes.subarray(start, start + pieceBytes) };
  }
}
