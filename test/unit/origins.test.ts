import assert from 'node:assert/strict';
import { parseNetwork } from '../../common/node/network.ts';
import { Origins } from '../../server/transport/connections/origins.ts';

const PROXY = '10.0.0.1:1000';

describe('where calls come from', () => {
  const origins = new Origins(['10.0.0.0/8', '2001:db8::/32'].map((text) => parseNetwork(text)!));

  const client = (peer: string, ...headers: string[]): string => origins.ofCall(peer, () => headers).address;

  it('is the other end of the connection, where nobody is trusted to know better', () => {
    assert.deepEqual(
      origins.ofCall('192.0.2.9:5', () => assert.fail('asked for headers')),
      { address: '192.0.2.9', name: '192.0.2.9:5' },
    );
    assert.equal(client('::ffff:192.0.2.9:5', '198.51.100.1'), '192.0.2.9');
  });

  it('is what a trusted proxy says', () => {
    assert.deepEqual(
      origins.ofCall(PROXY, () => ['192.0.2.1']),
      { address: '192.0.2.1', name: '192.0.2.1' },
    );
    assert.equal(client('::ffff:10.0.0.1:1000', '2001:DA8::1'), '2001:da8::1');
  });

  it('is the last that is no trusted proxy: what stands before it may be made up', () => {
    assert.equal(client(PROXY, '6.6.6.6, 192.0.2.1'), '192.0.2.1');
    assert.equal(client(PROXY, '6.6.6.6, 192.0.2.1, 10.2.3.4,2001:db8::7'), '192.0.2.1');
    assert.equal(client(PROXY, '6.6.6.6', '192.0.2.1', '10.2.3.4'), '192.0.2.1');
  });

  it('is the first of those that are all trusted', () => {
    assert.equal(client(PROXY, '10.9.9.9, 10.2.3.4'), '10.9.9.9');
  });

  it('is told with its port by some', () => {
    assert.equal(client(PROXY, '192.0.2.1:4711'), '192.0.2.1');
    assert.equal(client(PROXY, '[2001:da8::1]:4711'), '2001:da8::1');
    assert.equal(client(PROXY, '[2001:da8::1]'), '2001:da8::1');
  });

  it('is what was understood last, where something is not', () => {
    assert.equal(client(PROXY, '6.6.6.6, unknown, 10.2.3.4'), '10.2.3.4');
    assert.equal(client(PROXY, '6.6.6.6, nonsense'), '10.0.0.1');
    assert.equal(client(PROXY, ''), '10.0.0.1');
    assert.equal(client(PROXY), '10.0.0.1');
  });

  it('a chain longer than any that is real is looked at only at its end', () => {
    assert.equal(client(PROXY, ['6.6.6.6', ...Array<string>(2_000).fill('10.1.1.1')].join(',')), '10.1.1.1');
  });

  it('of a connection whose proxy names the client it is that, and a proxy behind that may name another', () => {
    origins.enter(PROXY, { host: '192.0.2.1', port: 4711 });
    assert.deepEqual(
      origins.ofCall(PROXY, () => assert.fail('asked for headers')),
      { address: '192.0.2.1', name: '192.0.2.1:4711' },
    );
    origins.enter(PROXY, { host: '10.7.7.7', port: 4711 });
    assert.equal(client(PROXY, '192.0.2.2'), '192.0.2.2');
    origins.forget(PROXY);
    assert.equal(client(PROXY), '10.0.0.1');
  });
});
