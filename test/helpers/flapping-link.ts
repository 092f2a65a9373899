import { between, pick } from '../../chaos/run/chance.ts';
import type { FaultHandle, FaultyLink } from '../../chaos/links/fault.ts';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import type { Direction, Shaper, ShaperContext } from '../../chaos/links/segment.ts';
import type { Random } from '../../common/random.ts';
import { sleep } from '../../common/sleep.ts';
import type { Address } from '../../common/units.ts';

/** How often each of what can become of a connection is drawn. */
const FATES = { reset: 3, end: 2, stall: 2, 'stall-reset': 2 };
/** A connection has carried at most so many bytes before that, in the direction it is drawn for: a request has a few hundred. */
const MOST_BYTES: Readonly<Record<Direction, number>> = { up: 400, down: 30_000 };
const MOST_STALL_MS = 300;

/** What has become of the connections of a link. */
export type Fates = Record<keyof typeof FATES, number>;

/** Whoever has a link: what is behind it may change with each connection. */
export interface FlappingLinkOptions {
  readonly random: Random;
  /** Where the next connection leads; it may be that nobody is there. */
  readonly target: () => Address;
}

/**
 * A viewer's way to the gateways, on which each connection is reset, ended, or stalled, after a number of bytes that is drawn for it: mostly in the middle of an event. Of what is
 * stalled some passes later, and some is lost, which the other end has sent and believes to have arrived.
 */
export class FlappingLink implements AsyncDisposable {
  readonly fates: Fates = { reset: 0, end: 0, stall: 0, 'stall-reset': 0 };
  readonly #proxy: FaultProxy;
  readonly #options: FlappingLinkOptions;
  #flapping: FaultHandle | undefined;

  static async open(options: FlappingLinkOptions): Promise<FlappingLink> {
    return new FlappingLink(await FaultProxy.listen(options.target()), options);
  }

  private constructor(proxy: FaultProxy, options: FlappingLinkOptions) {
    this.#proxy = proxy;
    this.#options = options;
    // Before each connection's first byte; it is on its way to where the one before has said.
    proxy.applyAll({ name: 'balancer', apply: () => proxy.retarget(options.target()) });
  }

  /** `host:port`, as a client takes it. */
  get address(): string {
    return this.#proxy.address;
  }

  /** Connections that were cut so far. */
  get cuts(): number {
    const { reset, end, 'stall-reset': lost } = this.fates;
    return reset + end + lost;
  }

  /** From now on connections break, those that there are, too. */
  flap(): void {
    this.#flapping = this.#proxy.applyAll({
      name: 'flapping',
      apply: (link, lifted) => this.#strike(link, lifted),
    });
  }

  /** Those that come from now on hold, and no other breaks any more. */
  hold(): void {
    this.#flapping?.lift();
  }

  /** Cuts every connection; the next one leads to where whoever knows sends it now. */
  cut(): void {
    this.#proxy.retarget(this.#options.target());
    for (const link of this.#proxy.links) link.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#proxy.close();
  }

  /** Has one of the directions of a connection fail, again and again where it survives that. */
  #strike(link: FaultyLink, lifted: AbortSignal): void {
    const { random } = this.#options;
    const direction = pick(random, { up: 1, down: 5 }) as Direction;
    const drawBytes = (): number => between(random, 0, MOST_BYTES[direction]);
    const shaper: Shaper = async (context) => {
      let left = drawBytes();
      for await (const { segment } of context.input) {
        if (segment.kind !== 'bytes' || segment.bytes.length <= left) {
          if (segment.kind === 'bytes') left -= segment.bytes.length;
          await context.output.write(segment);
          continue;
        }
        await context.output.write({ kind: 'bytes', bytes: segment.bytes.subarray(0, left) });
        await this.#befall(link, direction, context);
        await context.output.write({ kind: 'bytes', bytes: segment.bytes.subarray(left) });
        left = drawBytes();
      }
    };
    link.shape(direction, shaper, lifted);
  }

  async #befall(
    link: FaultyLink,
    direction: Direction,
    { output, lifted, clock }: ShaperContext,
  ): Promise<void> {
    if (lifted.aborted) return;
    const { random } = this.#options;
    const fate = pick(random, FATES) as keyof Fates;
    this.fates[fate] += 1;
    if (fate === 'stall' || fate === 'stall-reset')
      await sleep(clock, between(random, 10, MOST_STALL_MS), lifted);
    if (fate === 'reset' || fate === 'stall-reset') {
      link.reset('client');
      link.reset('server');
    } else if (fate === 'end') {
      // Behind what has passed, to both ends; what comes after it is thrown away.
      await output.write({ kind: 'fin' });
      link.finish(direction === 'down' ? 'server' : 'client');
    }
  }
}
