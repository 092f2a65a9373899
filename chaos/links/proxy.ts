import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { Clock } from '../../common/clock.ts';
import { systemClock } from '../../common/clock.ts';
import type { Address } from '../../common/units.ts';
import type { ByteCount, Fault, FaultHandle } from './fault.ts';
import { Link } from './link.ts';
import type { Direction } from './segment.ts';

/** A fault that was applied to all links, with its handle on each open link. */
interface StandingFault {
  readonly fault: Fault;
  readonly handles: Map<Link, FaultHandle>;
}

const HOST = '127.0.0.1';

/**
 * A TCP proxy on a free loopback port that forwards every connection to a target and puts faults on the way. It adds
 * nothing of its own: no timeouts, no retries, no closing. When the target refuses a connection, the client's is reset.
 */
export class FaultProxy {
  readonly #clock: Clock;
  #target: Address;
  readonly #server: Server;
  readonly #open = new Map<number, Link>();
  readonly #standing = new Set<StandingFault>();
  readonly #errors: unknown[] = [];
  readonly #ended: Record<Direction, { received: number; forwarded: number }> = {
    up: { received: 0, forwarded: 0 },
    down: { received: 0, forwarded: 0 },
  };
  #acceptedLinks = 0;

  /** Starts a proxy; resolves when it listens. */
  static async listen(target: Address, clock: Clock = systemClock): Promise<FaultProxy> {
    const proxy = new FaultProxy(target, clock);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen({ host: HOST, port: 0, backlog: 4096 }, resolve);
    });
    return proxy;
  }

  private constructor(target: Address, clock: Clock) {
    this.#target = target;
    this.#clock = clock;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** `host:port`, as a client takes it. */
  get address(): string {
    return `${HOST}:${this.port}`;
  }

  /** Connections accepted since the start. */
  get accepted(): number {
    return this.#acceptedLinks;
  }

  /** The links of which at least one socket is open, oldest first. */
  get links(): Link[] {
    return [...this.#open.values()];
  }

  /** Sockets open on both sides of the proxy. */
  get openSockets(): number {
    return this.links.reduce((sum, link) => sum + link.openSockets, 0);
  }

  /** Bytes of all links since the start. */
  get bytes(): Record<Direction, ByteCount> {
    const total = structuredClone(this.#ended);
    for (const link of this.#open.values()) addBytes(total, link);
    return total;
  }

  /**
   * The link of the connection accepted as number `index`, from 0.
   * @throws if there was none yet, or it has ended.
   */
  link(index: number): Link {
    const link = this.#open.get(index);
    if (link === undefined) throw new Error(`no open link ${index}: ${this.accepted} accepted so far`);
    return link;
  }

  /** Forwards new connections to another target; those there are stay. */
  retarget(target: Address): void {
    this.#target = target;
  }

  /** Applies a fault to every open link, and until it is lifted to every new one before its first byte. */
  applyAll(fault: Fault): FaultHandle {
    const standing: StandingFault = { fault, handles: new Map() };
    this.#standing.add(standing);
    for (const link of this.#open.values()) standing.handles.set(link, link.apply(fault));
    return {
      fault: fault.name,
      lift: () => {
        this.#standing.delete(standing);
        for (const handle of standing.handles.values()) handle.lift();
        standing.handles.clear();
      },
    };
  }

  /**
   * Stops listening and closes every link; resolves when no socket is left.
   * @throws AggregateError if a fault's code had thrown since the start.
   */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    const links = this.links;
    for (const link of links) link.destroy();
    await Promise.all([closed, ...links.map((link) => link.ended)]);
    if (this.#errors.length > 0) throw new AggregateError(this.#errors, 'a fault failed');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #accept(client: Socket): void {
    const link = new Link({
      index: this.#acceptedLinks++,
      client,
      server: connect({ ...this.#target, allowHalfOpen: true, noDelay: true }),
      clock: this.#clock,
      onError: (error) => this.#errors.push(error),
    });
    this.#open.set(link.index, link);
    void link.ended.then(() => this.#forget(link));
    for (const { fault, handles } of this.#standing) handles.set(link, link.apply(fault));
  }

  #forget(link: Link): void {
    this.#open.delete(link.index);
    addBytes(this.#ended, link);
    for (const { handles } of this.#standing) handles.delete(link);
  }
}

function addBytes(total: Record<Direction, { received: number; forwarded: number }>, link: Link): void {
  for (const direction of ['up', 'down'] as const) {
    total[direction].received += link.bytes[direction].received;
    total[direction].forwarded += link.bytes[direction].forwarded;
  }
}
