import assert from 'node:assert/strict';
import { canonicalAddress, Networks, parseNetwork } from '../../common/node/network.ts';

describe('networks', () => {
  it('are read as CIDR, or as an only address', () => {
    assert.deepEqual(parseNetwork('10.0.0.0/8'), { address: '10.0.0.0', prefix: 8, family: 'ipv4' });
    assert.deepEqual(parseNetwork('10.0.0.1'), { address: '10.0.0.1', prefix: 32, family: 'ipv4' });
    assert.deepEqual(parseNetwork('2001:DB8::/32'), { address: '2001:db8::', prefix: 32, family: 'ipv6' });
    assert.deepEqual(parseNetwork('::1'), { address: '::1', prefix: 128, family: 'ipv6' });
    assert.deepEqual(parseNetwork('0.0.0.0/0'), { address: '0.0.0.0', prefix: 0, family: 'ipv4' });
  });

  for (const text of [
    '',
    '10.0.0.0/33',
    '::/129',
    '10.0.0/8',
    'proxy',
    '10.0.0.1/',
    '/8',
    '::ffff:10.0.0.0/104',
  ])
    it(`are not: ${JSON.stringify(text)}`, () => assert.equal(parseNetwork(text), undefined));

  it('have the addresses that are in them, of their family', () => {
    const networks = new Networks(
      ['10.1.2.3/8', '192.0.2.7', '2001:db8::/32'].map((it) => parseNetwork(it)!),
    );
    for (const address of ['10.255.0.1', '192.0.2.7', '2001:db8::1'])
      assert.ok(networks.has(address), address);
    for (const address of ['11.0.0.1', '192.0.2.8', '2001:db9::1', '::1'])
      assert.ok(!networks.has(address), address);
    assert.ok(!new Networks([]).has('127.0.0.1'));
  });

  it('addresses have one form', () => {
    const forms = {
      '2001:DB8:0:0::1': '2001:db8::1',
      '::ffff:1.2.3.4': '1.2.3.4',
      'fe80::1%eth0': 'fe80::1',
    };
    for (const [text, form] of Object.entries(forms)) assert.equal(canonicalAddress(text), form);
    for (const text of ['', 'host', '1.2.3', '1.2.3.4:5', '[::1]'])
      assert.equal(canonicalAddress(text), undefined);
  });
});
