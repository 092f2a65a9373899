import { hrtime } from 'node:process';

/** Payloads are so many bytes, for every peer. */
export const PAYLOAD_BYTES = 200;

const MARKER = '@@';
const DIGITS = 16;

/** Microseconds on a clock that all processes of this machine share. */
export function nowMicros(): number {
  const [seconds, nanoseconds] = hrtime();
  return seconds * 1e6 + Math.floor(nanoseconds / 1e3);
}

/** A payload that tells when it was made. Plain letters, because some peers carry text only. */
export function stampedPayload(): string {
  return (MARKER + String(nowMicros()).padStart(DIGITS, '0')).padEnd(PAYLOAD_BYTES, 'x');
}

/** Calls `found` with the age of every payload that lies whole in `bytes[start, end)`, in microseconds. */
export function agesIn(bytes: Buffer, start: number, end: number, found: (micros: number) => void): void {
  const now = nowMicros();
  for (let at = bytes.indexOf(MARKER, start, 'latin1'); at >= 0; at = bytes.indexOf(MARKER, at, 'latin1')) {
    at += MARKER.length;
    if (at + DIGITS > end) return;
    found(now - Number(bytes.toString('latin1', at, at + DIGITS)));
  }
}
