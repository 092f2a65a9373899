/**
 * Copies masked bytes, without their mask (RFC 6455, section 5.3).
 * @param mask as a number, its first byte the highest
 * @param phase how many bytes of the same frame came before these
 */
export function unmask(
  from: Buffer,
  start: number,
  end: number,
  mask: number,
  phase: number,
  to: Buffer,
  at: number,
): void {
  const key = [mask >>> 24, (mask >>> 16) & 0xff, (mask >>> 8) & 0xff, mask & 0xff];
  for (let index = start; index < end; index++) {
    const offset = index - start;
    to[at + offset] = (from[index] as number) ^ (key[(phase + offset) & 3] as number);
  }
}
