import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatAddress, parseAddress, parseDuration, parseSize } from '../../common/units.ts';

describe('units', () => {
  it('reads durations as milliseconds', () => {
    const cases = {
      '250ms': 250,
      '90s': 90_000,
      '15m': 900_000,
      '1.5h': 5_400_000,
      '7d': 604_800_000,
      '0s': 0,
    };
    for (const [text, ms] of Object.entries(cases)) assert.equal(parseDuration(text), ms, text);
    for (const text of ['', '5', 's', '-1s', '5 weeks', '1e3s', '5S', '1s2s', '5constructor']) {
      assert.equal(parseDuration(text), undefined, text);
    }
  });

  it('reads sizes as bytes', () => {
    const cases = { '512MiB': 2 ** 29, '10GiB': 10 * 2 ** 30, '64KB': 64_000, '1000': 1000, '0.5KiB': 512 };
    for (const [text, bytes] of Object.entries(cases)) assert.equal(parseSize(text), bytes, text);
    for (const text of ['', '-1', '1.5', '10Gb', 'MiB', '1e9', '99999999TiB']) {
      assert.equal(parseSize(text), undefined, text);
    }
  });

  it('reads addresses, IPv6 in brackets', () => {
    assert.deepEqual(parseAddress('localhost:0'), { host: 'localhost', port: 0 });
    assert.deepEqual(parseAddress('[::1]:50051'), { host: '::1', port: 50051 });
    for (const text of [
      '',
      ':1',
      'host',
      'host:',
      '::1:1',
      '[::1]',
      'host:65536',
      'http://host:1',
      'a b:1',
    ]) {
      assert.equal(parseAddress(text), undefined, text);
    }
  });

  it('writes an address as it is read', () => {
    const hosts = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
    fc.assert(
      fc.property(hosts, fc.nat(65_535), (host, port) => {
        assert.deepEqual(parseAddress(formatAddress({ host, port })), { host, port });
      }),
    );
  });
});
