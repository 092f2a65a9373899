import type { Random } from '../../../common/random.ts';
import type { Sessions } from '../../session/sessions.ts';
import type { UnaryContext } from '../../session/unary.ts';
import type { Entrance } from '../connections/entrance.ts';
import type { OriginRule } from '../http/cors.ts';

/** What everything has in common that is served over HTTP. */
export interface ApiDependencies {
  readonly context: UnaryContext;
  readonly sessions: Pick<Sessions, 'open' | 'watch' | 'alone'>;
  readonly entrance: Pick<Entrance, 'origins' | 'receiving' | 'intake'>;
  /** Which pages browsers let in. */
  readonly allowedOrigins: OriginRule;
  readonly random: Random;
  /** Longest life of a stream of events, in milliseconds. */
  readonly eventsLifetimeMs: number;
}
