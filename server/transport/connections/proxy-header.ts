import { isIPv4, isIPv6 } from 'node:net';
import { canonicalAddress } from '../../../common/node/network.ts';
import type { Address } from '../../../common/units.ts';

/** What stands at the beginning of a connection, by the PROXY protocol of HAProxy, version 1 or 2. */
export type ProxyHeader =
  /** More is needed to tell; it is bounded. */
  | { readonly kind: 'incomplete' }
  /** Something else. */
  | { readonly kind: 'absent' }
  /** It begins as a header, and is none. */
  | { readonly kind: 'malformed' }
  /** So many bytes. Without a source the proxy speaks for itself, as it does to see whether we are there, or does not know. */
  | { readonly kind: 'present'; readonly length: number; readonly source: Address | undefined };

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' };
const MALFORMED: ProxyHeader = { kind: 'malformed' };

const V1_PREFIX = Buffer.from('PROXY ');
/** With its end of line, which the specification has no longer. */
const V1_MAX_BYTES = 107;
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_FIXED_BYTES = 16;
/** Of addresses and whatever a proxy adds behind them (TLVs). */
const V2_MAX_BYTES = 4_096;

/** Reads a header at the beginning of what has come so far. */
export function proxyHeader(bytes: Buffer): ProxyHeader {
  for (const [beginning, read] of [
    [V1_PREFIX, readV1],
    [V2_SIGNATURE, readV2],
  ] as const) {
    const compared = Math.min(bytes.length, beginning.length);
    if (!bytes.subarray(0, compared).equals(beginning.subarray(0, compared))) continue;
    return compared < beginning.length ? INCOMPLETE : read(bytes);
  }
  return { kind: 'absent' };
}

function readV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, V1_MAX_BYTES).indexOf('\r\n');
  if (end < 0) return bytes.length < V1_MAX_BYTES ? INCOMPLETE : MALFORMED;
  const length = end + 2;
  const [, protocol, ...words] = bytes.toString('latin1', 0, end).split(' ');
  if (protocol === 'UNKNOWN') return { kind: 'present', length, source: undefined };
  const [from = '', to = '', fromPort = '', toPort = ''] = words;
  const isAddress = protocol === 'TCP4' ? isIPv4 : protocol === 'TCP6' ? isIPv6 : () => false;
  const valid = words.length === 4 && [from, to].every(isAddress) && [fromPort, toPort].every(isPort);
  const host = valid ? canonicalAddress(from) : undefined;
  return host === undefined
    ? MALFORMED
    : { kind: 'present', length, source: { host, port: Number(fromPort) } };
}

const isPort = (text: string): boolean => /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;

const V2_VERSION = 2;
const V2_LOCAL = 0;
const V2_PROXY = 1;
/** Address families of stream sockets, the bytes of an address of theirs, and how it is written. */
const V2_FAMILIES: ReadonlyMap<number, { readonly size: number; write(address: Buffer): string }> = new Map([
  [0x11, { size: 4, write: (address: Buffer) => address.join('.') }],
  [0x21, { size: 16, write: (address: Buffer) => address.toString('hex').replace(/.{4}(?!$)/g, '$&:') }],
]);

function readV2(bytes: Buffer): ProxyHeader {
  if (bytes.length < V2_FIXED_BYTES) return INCOMPLETE;
  const [version, command] = [bytes.readUInt8(12) >> 4, bytes.readUInt8(12) & 0x0f];
  const size = bytes.readUInt16BE(14);
  if (version !== V2_VERSION || command > V2_PROXY || size > V2_MAX_BYTES) return MALFORMED;
  const length = V2_FIXED_BYTES + size;
  if (bytes.length < length) return INCOMPLETE;
  const family = V2_FAMILIES.get(bytes.readUInt8(13));
  // Of other families (sockets of one host, for example) nobody has an address that says anything here.
  if (command === V2_LOCAL || family === undefined) return { kind: 'present', length, source: undefined };
  if (size < 2 * family.size + 4) return MALFORMED;
  const from = bytes.subarray(V2_FIXED_BYTES, V2_FIXED_BYTES + family.size);
  const host = canonicalAddress(family.write(from));
  const port = bytes.readUInt16BE(V2_FIXED_BYTES + 2 * family.size);
  return host === undefined ? MALFORMED : { kind: 'present', length, source: { host, port } };
}
