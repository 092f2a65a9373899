import type { ViewerFault } from '../viewer-fault.ts';

/** How an endpoint is dead: nobody listens there, or somebody does and never says a word. */
export type Deadness = 'refused' | 'silent';

/**
 * The viewer has to choose from its list of endpoints, of which one is dead, because its connections are reset. A connection to
 * a silent one stays silent also when the fault is lifted: it is up to the client to give it up.
 */
export function deadEndpoint(how: Deadness): ViewerFault {
  return {
    name: 'dead-endpoint',
    apply(viewer, lifted) {
      if (how === 'silent') lifted.addEventListener('abort', viewer.silenceDeadEndpoint(), { once: true });
      viewer.resetConnections();
    },
  };
}
