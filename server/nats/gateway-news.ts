import type { Msg } from 'nats';
import type { Clock, Timer } from '../../common/clock.ts';
import type { ViewerCounts } from '../cluster/viewer-counts.ts';
import { NEWS_MS } from '../cluster/viewer-counts.ts';
import type { Fleet, GatewayLoad } from '../cluster/fleet.ts';
import type { Logger } from '../observability/logging.ts';
import type { GatewayMessage } from './codec/gateway-message.ts';
import { parseGatewayMessage } from './codec/gateway-message.ts';
import type { NatsConnection } from './connection/connection.ts';
import { StandingSubscription } from './connection/standing-subscription.ts';
import type { Subjects } from './connection/subjects.ts';

/** What the news depends on. */
export interface GatewayNewsDependencies {
  readonly connection: NatsConnection;
  readonly subjects: Subjects;
  /** Identity of this process among the gateways. */
  readonly gateway: string;
  readonly viewerCounts: ViewerCounts;
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when a gateway has gone: the numbers of many rooms have changed at once. */
  readonly changed: () => void;
}

/** Tells the other gateways how many viewers there are here, and hears it from them; see {@link ViewerCounts} and {@link Fleet}. */
export class GatewayNews {
  readonly #dependencies: GatewayNewsDependencies;
  readonly #subject: string;
  readonly #subscription: StandingSubscription;
  /** The server does not let us listen: that is told once. */
  #refused = false;
  readonly #timer: Timer;
  readonly #unwatch: () => void;
  #load: () => GatewayLoad | undefined = () => undefined;
  /** Gateways of whose news something is missing. */
  #missed = new Set<string>();

  constructor(dependencies: GatewayNewsDependencies) {
    const { connection, subjects, clock } = dependencies;
    this.#dependencies = dependencies;
    this.#subject = subjects.gateways;
    this.#subscription = this.#subscribe();
    this.#unwatch = connection.onChange((up) => {
      if (up) this.#resync();
    });
    this.#timer = clock.every(NEWS_MS, () => this.#tick());
    this.#resync();
  }

  #subscribe(): StandingSubscription {
    const { connection, logger } = this.#dependencies;
    return new StandingSubscription(connection, this.#subject, (error, message) => {
      try {
        if (error === null) this.#receive(message);
        else this.#lose(error);
      } catch (cause) {
        logger.debug({ err: cause, subject: this.#subject }, 'what another gateway tells makes no sense');
      }
    });
  }

  #lose(error: Error): void {
    const advice = 'viewers are told how many they are at this gateway only, until it may listen again';
    if (!this.#refused) this.#dependencies.logger.warn({ err: error, subject: this.#subject }, advice);
    this.#refused = true;
  }

  /** From now on this gateway tells its load; undefined when it takes no viewers. */
  tellLoad(load: () => GatewayLoad | undefined): void {
    this.#load = load;
  }

  /** Says that this gateway has gone. */
  close(): void {
    this.#timer.cancel();
    this.#unwatch();
    this.#subscription.close();
    this.#tell({ gone: this.#dependencies.gateway });
  }

  /** Tells now what would be told with the next turn. */
  tellNews(): void {
    const load = this.#load();
    for (const news of this.#dependencies.viewerCounts.news()) this.#tell({ ...news, load });
  }

  /** What was told while there was no connection is lost, in both directions. */
  #resync(): void {
    this.#tell({ ask: [] });
    this.#dependencies.viewerCounts.tellEverything();
  }

  #tick(): void {
    const { viewerCounts, fleet, clock, changed } = this.#dependencies;
    // What was missed is told again, if the server lets us listen by now.
    if (this.#subscription.renewIfDoubtful()) this.#tell({ ask: [] });
    if (this.#missed.size > 0) this.#tell({ ask: [...this.#missed] });
    this.#missed = new Set();
    this.tellNews();
    const silent = viewerCounts.expire(clock.monotonicMs());
    for (const gateway of silent) fleet.forget(gateway);
    if (silent.length > 0) changed();
  }

  #receive({ data }: Msg): void {
    const { viewerCounts, fleet, gateway, clock, logger, changed } = this.#dependencies;
    if (this.#refused) logger.info({ subject: this.#subject }, 'audiences are those of all gateways again');
    this.#refused = false;
    const told = parseGatewayMessage(Buffer.from(data).toString());
    if ('ask' in told) {
      if (told.ask.length === 0 || told.ask.includes(gateway)) viewerCounts.tellEverything();
    } else if ('gone' in told) {
      viewerCounts.forget(told.gone);
      fleet.forget(told.gone);
      changed();
    } else if (told.gateway !== gateway) {
      if (viewerCounts.receive(told, clock.monotonicMs())) fleet.note(told.gateway, told.load);
      else this.#missed.add(told.gateway);
    }
  }

  #tell(message: GatewayMessage): void {
    const { connection } = this.#dependencies;
    if (connection.up) connection.nc.publish(this.#subject, JSON.stringify(message));
  }
}
