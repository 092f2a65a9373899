import type { Random } from '../../../common/random.ts';
import type { Fault } from '../../links/fault.ts';
import { appSuspend } from '../../links/faults/app-suspend.ts';
import { bandwidth } from '../../links/faults/bandwidth.ts';
import { deadEndpoint } from '../../links/faults/dead-endpoint.ts';
import { fin } from '../../links/faults/fin.ts';
import { halfOpen } from '../../links/faults/half-open.ts';
import { latency } from '../../links/faults/latency.ts';
import { oneWay } from '../../links/faults/one-way.ts';
import { rebind } from '../../links/faults/rebind.ts';
import { reentrantPublish } from '../../links/faults/reentrant-publish.ts';
import { rst } from '../../links/faults/rst.ts';
import { slowReader } from '../../links/faults/slow-reader.ts';
import { stall } from '../../links/faults/stall.ts';
import type { ViewerFault } from '../../links/viewer-fault.ts';
import type { NameOf } from '../catalogue.ts';
import { between } from '../chance.ts';

/** A fault on a viewer: of its links, or of its device. */
export type OnViewer =
  { readonly on: 'link'; readonly fault: Fault } | { readonly on: 'device'; readonly fault: ViewerFault };

const link = (fault: Fault): OnViewer => ({ on: 'link', fault });
const device = (fault: ViewerFault): OnViewer => ({ on: 'device', fault });

/** How each fault on a viewer is made; what the plan leaves open is drawn from `random`. */
export const onViewer: Readonly<Record<NameOf<'viewer'>, (random: Random) => OnViewer>> = {
  rst: () => link(rst),
  fin: () => link(fin),
  'half-open': () => link(halfOpen),
  'one-way': (random) => link(oneWay(random() < 0.5 ? 'up' : 'down')),
  stall: () => link(stall),
  latency: (random) => {
    const delayMs = between(random, 20, 200);
    return link(latency({ delayMs, jitterMs: between(random, 0, 200) }, random));
  },
  bandwidth: (random) => link(bandwidth(between(random, 4, 64) * 1_000)),
  'slow-reader': (random) => device(slowReader(between(random, 20, 200))),
  rebind: () => link(rebind),
  'app-suspend': () => device(appSuspend),
  'reentrant-publish': (random) => device(reentrantPublish(between(random, 2, 10))),
  'dead-endpoint': (random) => device(deadEndpoint(random() < 0.5 ? 'refused' : 'silent')),
};
