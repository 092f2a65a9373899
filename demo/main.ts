import { Desk } from './desk.ts';
import { find } from './dom.ts';
import { Viewer } from './viewer.ts';

/* A room to try out: two viewers side by side, one of which can drive into a tunnel, and a desk to publish from. */

/** The room that the page shows: that of the command line which it names. */
const ROOM = 'demo';

const viewers = [
  new Viewer('Viewer at home', ROOM, { travels: false }),
  new Viewer('Viewer on a train', ROOM, { travels: true }),
];
for (const viewer of viewers) {
  find(document, '#viewers').append(viewer.panel.root);
  void viewer.watch();
}
new Desk(ROOM, document);
