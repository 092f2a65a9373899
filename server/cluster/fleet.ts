/** Sizes within so much of their mean are even. */
const TOLERANCE = 0.2;
/** And within so many viewers: among few, a share of them says nothing. */
const TOLERATED_VIEWERS = 5;

/** What a gateway that takes viewers tells of itself. */
export interface GatewayLoad {
  /** The stream that it serves viewers from. */
  readonly stream: string;
  /** Viewers' streams open at it. */
  readonly sessions: number;
  /** `host:port` by which clients know it; undefined when it does not know that itself. */
  readonly endpoint?: string | undefined;
}

/**
 * The other gateways that take viewers, and how many each has: where to send those that have to go, and when to let some go. Those of
 * another stream, such as a mirror in another region, are not counted: they serve others.
 */
export class Fleet {
  readonly #others = new Map<string, { sessions: number; readonly endpoint: string | undefined }>();
  readonly #stream: string;

  /** @param stream that this gateway serves viewers from */
  constructor(stream: string) {
    this.#stream = stream;
  }

  /** Notes what another gateway tells; undefined: it takes nobody. */
  note(gateway: string, load: GatewayLoad | undefined): void {
    if (load?.stream !== this.#stream) this.#others.delete(gateway);
    else this.#others.set(gateway, { sessions: load.sessions, endpoint: load.endpoint });
  }

  /** It is not there any more. */
  forget(gateway: string): void {
    this.#others.delete(gateway);
  }

  /** How many of the `here` viewers of this gateway are more than its share; 0 as long as all gateways have about the same. */
  excess(here: number): number {
    const sizes = [here, ...[...this.#others.values()].map(({ sessions }) => sessions)];
    const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    const tolerance = Math.max(TOLERANCE * mean, TOLERATED_VIEWERS);
    const uneven = sizes.some((size) => Math.abs(size - mean) > tolerance);
    return uneven ? Math.max(0, Math.floor(here - mean)) : 0;
  }

  /** Whether no other gateway is known that takes viewers. */
  get alone(): boolean {
    return this.#others.size === 0;
  }

  /**
   * Where the next viewer that leaves this gateway does best to go: to the gateway with the fewest. It counts there at once: those that are
   * sent before it tells of itself again are spread. Undefined when that is not known.
   */
  destination(): string | undefined {
    const [first, ...rest] = this.#others.values();
    if (first === undefined) return undefined;
    const least = rest.reduce((a, b) => (b.sessions < a.sessions ? b : a), first);
    least.sessions++;
    return least.endpoint;
  }
}
