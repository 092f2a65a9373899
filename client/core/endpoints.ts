import type { Clock } from '../../common/clock.ts';
import type { Random } from '../../common/random.ts';
import { parseEndpoint } from './endpoint.ts';

/** For so long, in milliseconds, one that failed is tried after all that did not. */
const RECENT_MS = 60_000;

/**
 * The gateways that a client may use, and which to try first: by chance, so that neither a fresh crowd of clients nor one whose gateway
 * has gone meets again at the same one. Those that failed lately come last, the one that failed most recently as the very last.
 */
export class Endpoints {
  readonly #all: readonly string[];
  readonly #clock: Clock;
  readonly #random: Random;
  /** When each failed, on the monotonic clock; the order is that of the failures. */
  readonly #failures = new Map<string, number>();

  /** @param all as the application writes them, at least one */
  constructor(all: readonly string[], clock: Clock, random: Random) {
    this.#all = all;
    this.#clock = clock;
    this.#random = random;
  }

  /** The one to try next. */
  pick(): string {
    return this.inOrder()[0] as string;
  }

  /**
   * The one to try next by a client that was sent away from `from`: `advised`, the host:port that it was told there, if one of ours has it that has not
   * failed lately; or else the only one at that host: gateways name the port of gRPC, and have another one for WebSockets. That one sends its viewers away is no failure: it may be back before the others go.
   */
  pickAfter(from: string, advised: string): string {
    const others = this.inOrder().filter((endpoint) => endpoint !== from);
    const known =
      this.#all.find((endpoint) => addressOf(endpoint) === advised) ?? this.#onlyAtHostOf(advised, from);
    const failed = known === undefined || this.#failedLately().includes(known);
    return failed ? (others[0] ?? from) : known;
  }

  #onlyAtHostOf(advised: string, from: string): string | undefined {
    const [only, ...others] = this.#all.filter((endpoint) => hostOf(addressOf(endpoint)) === hostOf(advised));
    return others.length === 0 && only !== from ? only : undefined;
  }

  /** All, in the order in which to try them. */
  inOrder(): string[] {
    const failed = this.#failedLately();
    const others = this.#all.filter((endpoint) => !failed.includes(endpoint));
    return [...this.#shuffled(others), ...failed];
  }

  /** It failed. */
  failed(endpoint: string): void {
    this.#failures.delete(endpoint);
    this.#failures.set(endpoint, this.#clock.monotonicMs());
  }

  worked(endpoint: string): void {
    this.#failures.delete(endpoint);
  }

  #failedLately(): string[] {
    const sinceMs = this.#clock.monotonicMs() - RECENT_MS;
    return [...this.#failures].filter(([, atMs]) => atMs > sinceMs).map(([endpoint]) => endpoint);
  }

  #shuffled(endpoints: string[]): string[] {
    for (let last = endpoints.length - 1; last > 0; last -= 1) {
      const other = Math.floor(this.#random() * (last + 1));
      [endpoints[last], endpoints[other]] = [endpoints[other] as string, endpoints[last] as string];
    }
    return endpoints;
  }
}

const addressOf = (endpoint: string): string => parseEndpoint(endpoint)?.address ?? endpoint;

const hostOf = (address: string): string => address.replace(/:\d+$/, '');
