import type { ViewerFault } from '../viewer-fault.ts';

/** The application takes its time over every event, so that the viewer reads slowly. */
export function slowReader(handlingMs: number): ViewerFault {
  return {
    name: 'slow-reader',
    apply(viewer, lifted) {
      viewer.slowDown(handlingMs);
      lifted.addEventListener('abort', () => viewer.slowDown(0), { once: true });
    },
  };
}
