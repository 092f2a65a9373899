import { LiveClient } from '../../client/index.ts';
import type { Backend } from './backend/backend.ts';

/**
 * Two for each gateway, with an undisturbed way: one goes on at the others while it is away, one does not, so that every gateway always
 * has something to publish. It would learn of some outages by nothing else.
 */
export function publishersFor({ endpoints }: Pick<Backend, 'endpoints'>): LiveClient[] {
  return endpoints.flatMap((own, first) =>
    [[...endpoints.slice(first), ...endpoints.slice(0, first)], [own]].map(
      (ways) =>
        new LiveClient({
          endpoints: ways,
          clientName: 'chaos publisher',
          backoff: { baseMs: 50, maxMs: 1_000 },
        }),
    ),
  );
}
