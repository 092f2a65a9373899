import type { ViewerFault } from '../viewer-fault.ts';

/** The application is put to sleep: it neither reads nor runs timers until the fault is lifted. */
export const appSuspend: ViewerFault = {
  name: 'app-suspend',
  apply(viewer, lifted) {
    viewer.suspend();
    lifted.addEventListener('abort', () => viewer.resume(), { once: true });
  },
};
