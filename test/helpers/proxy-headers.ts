/** A header of the PROXY protocol, version 1, with these words behind `PROXY`. */
export const proxyHeaderV1 = (words: string): Buffer => Buffer.from(`PROXY ${words}\r\n`);

/** One of version 2; `rest`: the addresses, and whatever follows them. */
export function proxyHeaderV2(versionAndCommand: number, family: number, rest: Buffer): Buffer {
  const fixed = Buffer.from('\r\n\r\n\0\r\nQUIT\n....', 'latin1');
  fixed.writeUInt8(versionAndCommand, 12);
  fixed.writeUInt8(family, 13);
  fixed.writeUInt16BE(rest.length, 14);
  return Buffer.concat([fixed, rest]);
}
