import type { ViewerFault } from '../viewer-fault.ts';

/**
 * The application publishes while it reads: in its loop over events it answers one in so many messages, and handles no further event
 * before it knows what became of the answer.
 */
export function reentrantPublish(oneIn: number): ViewerFault {
  return {
    name: 'reentrant-publish',
    apply(viewer, lifted) {
      lifted.addEventListener('abort', viewer.answerMessages(oneIn), { once: true });
    },
  };
}
