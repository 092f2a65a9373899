import assert from 'node:assert/strict';
import { InvalidArgumentError } from 'commander';
import {
  parseCount,
  parseEndpoints,
  parseFrom,
  parseHeader,
  parseRooms,
  parseSequence,
} from '../../cli/arguments.ts';

describe('cli arguments', () => {
  it('takes gateways with a port', () => {
    assert.deepEqual(parseEndpoints('a:1, [::1]:2,10.0.0.1:50051'), ['a:1', '[::1]:2', '10.0.0.1:50051']);
    for (const wrong of ['', 'a', 'a:', 'a:0', 'a:70000', 'a:1,', '::1:2', 'a b:1']) {
      assert.throws(() => parseEndpoints(wrong), InvalidArgumentError, wrong);
    }
    const schemes = ['https://gw.example.org', 'http://[::1]:2', 'a:1'];
    assert.deepEqual(parseEndpoints(schemes.join(', ')), schemes);
    for (const wrong of ['https://', 'https://a:70000', 'ftp://a:1', 'https://a/b'])
      assert.throws(() => parseEndpoints(wrong), InvalidArgumentError, wrong);
  });

  it('takes every way to begin', () => {
    assert.equal(parseFrom('live'), 'live');
    assert.equal(parseFrom('earliest'), 'earliest');
    assert.deepEqual(parseFrom('last:5'), { last: 5 });
    assert.deepEqual(parseFrom('seq:18446744073709551615'), { seq: 18446744073709551615n });
    assert.deepEqual(parseFrom('since:1700000000000'), { sinceMs: 1_700_000_000_000 });
    assert.deepEqual(parseFrom('since:2024-01-01T00:00:00Z'), { sinceMs: Date.UTC(2024, 0) });
    const beforeMs = Date.now();
    const age = parseFrom('since:10m');
    assert.ok(typeof age === 'object' && 'sinceMs' in age);
    assert.ok(beforeMs <= age.sinceMs + 600_000 && age.sinceMs + 600_000 <= Date.now());
    for (const wrong of [
      '',
      'now',
      'last:0',
      'last:x',
      'last:',
      'seq:-1',
      'seq:1.5',
      'since:never',
      'seq:18446744073709551616',
    ]) {
      assert.throws(() => parseFrom(wrong), InvalidArgumentError, wrong);
    }
  });

  it('takes numbers that are exact', () => {
    assert.equal(parseSequence('9007199254740993'), 9007199254740993n);
    assert.equal(parseCount('3'), 3);
    for (const wrong of ['0', '-1', '1.5', 'x', '', ' ', '1e3']) {
      assert.throws(() => parseCount(wrong), InvalidArgumentError, wrong);
    }
  });

  it('takes rooms once each, and headers with their values whole', () => {
    assert.deepEqual(parseRooms('b', parseRooms('a', undefined)), ['a', 'b']);
    assert.throws(() => parseRooms('a', ['a']), InvalidArgumentError);
    assert.throws(() => parseRooms('a.b', []), InvalidArgumentError);
    assert.deepEqual(parseHeader('k=a=b', { x: 'y' }), { x: 'y', k: 'a=b' });
    assert.throws(() => parseHeader('k', {}), InvalidArgumentError);
  });
});
