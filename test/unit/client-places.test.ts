import assert from 'node:assert/strict';
import { anyCluster, Places } from '../../client/core/places.ts';

describe('client places', () => {
  const at = (epoch: string, seq = 1n) => ({ epoch, seq, fingerprint: 7 });
  const found = (places: Places, epoch: string | undefined, ...servers: string[]): string | undefined =>
    places.find({ epoch, servers })?.epoch;
  let places: Places;

  beforeEach(() => {
    places = new Places();
    places.keep(at('A'), ['a1', 'a2']);
    places.keep(at('B'), ['b1']);
  });

  it('are found by the stream, whatever leads to it', () => {
    assert.equal(found(places, 'A', 'a1'), 'A');
    assert.equal(found(places, 'A', 'another name'), 'A');
    assert.equal(found(places, 'A', 'b1'), 'A');
    places.keep(at('A', 2n), ['a3']);
    assert.equal(places.find({ epoch: 'A', servers: ['a1'] })?.seq, 2n);
  });

  it('are none in a cluster that was never seen', () => {
    assert.equal(found(places, 'C', 'c1'), undefined);
    assert.equal(found(new Places(), 'A', 'a1'), undefined);
    assert.equal(found(new Places(), undefined, 'a1'), undefined);
  });

  it('are those in the former stream, where it was created anew, until a place in the new one is known', () => {
    assert.equal(found(places, 'A2', 'new', 'a2'), 'A');
    places.keep(at('A2'), ['new', 'a2']);
    assert.equal(found(places, 'A2', 'a2'), 'A2');
    assert.equal(found(places, 'A3', 'a2'), 'A2');
    assert.equal(found(places, 'A3', 'a1'), 'A', 'behind this one A was the last');
    assert.equal(found(places, 'A', 'a2'), 'A', 'and it is still known, should it come back');
  });

  it('are those behind the gateways where these do not say which stream it is; else any, so that none is skipped', () => {
    assert.equal(found(places, undefined, 'b1'), 'B');
    assert.equal(found(places, undefined, 'c1'), 'A');
    assert.equal(places.find(anyCluster)?.epoch, 'A');
  });

  it('may be in a former stream of any cluster, while it is not known behind which gateways they were', () => {
    const unknown = new Places();
    unknown.keep(at('A'), []);
    assert.equal(found(unknown, 'C', 'c1'), 'A');
    unknown.keep(at('A', 2n), ['a1']);
    assert.equal(found(unknown, 'C', 'c1'), undefined);
    assert.equal(found(unknown, 'C', 'a1'), 'A');
  });
});
