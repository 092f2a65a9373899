import assert from 'node:assert/strict';
import { whereThereIs } from '../helpers/documented-proxy.ts';
import { ProxyRig } from '../helpers/proxy-rig.ts';
import { describeRollingRestart, restartBoth } from './rolling-restart.ts';
import { nginx } from './kinds.ts';

whereThereIs(nginx)('behind nginx', () => {
  describeRollingRestart(nginx, {}, ({ log }) => assert.doesNotMatch(log, /no live upstreams/));

  it('viewers find no gateway for a while when it counts failures, as it does unless told otherwise', async () => {
    await using rig = await ProxyRig.start('--drain', '500ms');
    const proxy = await rig.proxy(nginx, { ' max_fails=0': '' });
    await restartBoth(rig, proxy);
    assert.match(proxy.log, /no live upstreams/);
  });
});
