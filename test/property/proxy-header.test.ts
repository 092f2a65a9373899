import assert from 'node:assert/strict';
import fc from 'fast-check';
import { canonicalAddress } from '../../common/node/network.ts';
import { proxyHeader } from '../../server/transport/connections/proxy-header.ts';
import type { ProxyHeader } from '../../server/transport/connections/proxy-header.ts';
import { runs } from '../helpers/property.ts';
import { proxyHeaderV1, proxyHeaderV2 } from '../helpers/proxy-headers.ts';

const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** Version 2 with a command, a family and what is behind them. */
const v2 = (versionAndCommand: number, family: number, rest: Buffer): Buffer =>
  proxyHeaderV2(versionAndCommand, family, rest);

describe('the header of the PROXY protocol', () => {
  const port = fc.nat(65_535);
  const source = fc.oneof(
    fc.record({ family: fc.constant(4), host: fc.ipV4(), to: fc.ipV4(), port }),
    fc.record({ family: fc.constant(6), host: fc.ipV6(), to: fc.ipV6(), port }),
  );
  const header = fc.oneof(
    source.map(({ host, to, port: from, family }) => ({
      bytes: proxyHeaderV1(`TCP${family} ${host} ${to} ${from} 443`),
      source: { host, port: from },
    })),
    fc.tuple(source, fc.uint8Array({ maxLength: 600 })).map(([{ host, to, port: from, family }, tlvs]) => ({
      bytes: v2(
        0x21,
        family === 4 ? 0x11 : 0x21,
        Buffer.concat([
          addressBytes(host),
          addressBytes(to),
          Buffer.from([from >> 8, from & 255, 1, 187]),
          tlvs,
        ]),
      ),
      source: { host, port: from },
    })),
    fc.constantFrom(
      { bytes: proxyHeaderV1('UNKNOWN'), source: undefined },
      { bytes: proxyHeaderV1('UNKNOWN ffff::1 ffff::2 65535 65535'), source: undefined },
      { bytes: v2(0x20, 0, Buffer.alloc(0)), source: undefined },
      { bytes: v2(0x20, 0x11, Buffer.alloc(12)), source: undefined },
      { bytes: v2(0x21, 0, Buffer.alloc(40)), source: undefined },
      { bytes: v2(0x21, 0x31, Buffer.alloc(216)), source: undefined },
    ),
  );

  it('is read with what it says, however much has come of what follows, and never before it is complete', () => {
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 200 }), ({ bytes, source: said }, rest) => {
        for (let length = 0; length < bytes.length; length++)
          assert.equal(proxyHeader(bytes.subarray(0, length)).kind, 'incomplete');
        const read = proxyHeader(Buffer.concat([bytes, rest]));
        assert.deepEqual(read, {
          kind: 'present',
          length: bytes.length,
          source: said && { host: canonicalAddress(said.host)!, port: said.port },
        } satisfies ProxyHeader);
      }),
      runs(300),
    );
  });

  it('whatever comes is decided on within a bound', () => {
    const beginnings = [
      '',
      'PROXY ',
      'PROXY TCP4 ',
      'PROXY UNKNOWN ',
      '\r\n\r\n\0\r\nQUIT\n',
      '\r\n\r\n\0\r\nQUIT\n\x21\x11',
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...beginnings),
        fc.uint8Array({ minLength: 5_000, maxLength: 5_000 }),
        (text, noise) => {
          const bytes = Buffer.concat([Buffer.from(text, 'latin1'), noise]);
          assert.notEqual(proxyHeader(bytes).kind, 'incomplete');
          const first = proxyHeader(bytes);
          // What is decided once is not decided otherwise when more comes.
          for (let length = bytes.length; length > 0; length -= 97) {
            const { kind } = proxyHeader(bytes.subarray(0, length));
            assert.ok(kind === 'incomplete' || kind === first.kind, `${kind} at ${length}, ${first.kind}`);
          }
        },
      ),
      runs(200),
    );
  });

  it('is absent where HTTP/2 or TLS begins', () => {
    for (const bytes of [HTTP2_PREFACE, Buffer.from([0x16, 3, 1, 2, 0]), Buffer.from('GET / HTTP/1.1\r\n')])
      assert.deepEqual(proxyHeader(bytes), { kind: 'absent' });
  });

  const malformed = {
    'an address of the other family': proxyHeaderV1('TCP4 ::1 ::2 1 2'),
    'no address': proxyHeaderV1('TCP4 a b 1 2'),
    'a port that is none': proxyHeaderV1('TCP4 1.2.3.4 1.2.3.5 65536 2'),
    'a port with a zero before it': proxyHeaderV1('TCP4 1.2.3.4 1.2.3.5 01 2'),
    'words that are missing': proxyHeaderV1('TCP4 1.2.3.4 1.2.3.5 1'),
    'another protocol': proxyHeaderV1('UDP4 1.2.3.4 1.2.3.5 1 2'),
    'a line that is too long': proxyHeaderV1('UNKNOWN'.padEnd(120, 'x')),
    'another version': v2(0x31, 0x11, Buffer.alloc(12)),
    'another command': v2(0x22, 0x11, Buffer.alloc(12)),
    'no room for its addresses': v2(0x21, 0x21, Buffer.alloc(35)),
    'more than a proxy adds': v2(0x21, 0x11, Buffer.alloc(5_000)),
  };
  for (const [what, bytes] of Object.entries(malformed))
    it(`is malformed: ${what}`, () => assert.deepEqual(proxyHeader(bytes), { kind: 'malformed' }));
});

function addressBytes(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  // In full, without the abbreviations that it may be written with.
  const [head = '', tail] = address.replace(/:(\d+)\.(\d+)\.(\d+)\.(\d+)$/, hexadecimal).split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [first, last] = [groups(head), groups(tail ?? '')];
  const zeros = Array<string>(8 - first.length - last.length).fill('0');
  const all = [...first, ...zeros, ...last].map((group) => Number.parseInt(group, 16));
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]));
}

function hexadecimal(_: string, ...[a, b, c, d]: string[]): string {
  const pair = (high: string, low: string): string => (Number(high) * 256 + Number(low)).toString(16);
  return `:${pair(a!, b!)}:${pair(c!, d!)}`;
}
