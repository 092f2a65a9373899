import { Desk } from './desk.ts';
import { find } from './dom.ts';
import { Gateways } from './gateways.ts';
import { Viewer } from './viewer.ts';

/* A room to try out: two viewers side by side, one of which can drive into a tunnel, and a desk to publish from. */

/** The room that the page shows: that of the command line which it names. */
const ROOM = 'demo';

const gateways = await Gateways.of(document);
const desk = new Desk(ROOM, gateways, document);
const viewers = [
  new Viewer('Viewer at home', ROOM, gateways, { beginsAtLast: true }),
  new Viewer('Viewer on a train', ROOM, gateways, { travels: true }),
];
for (const viewer of viewers) {
  find(document, '#viewers').append(viewer.panel.root);
  void viewer.watch((muted) => desk.roomIsMuted(muted));
}
