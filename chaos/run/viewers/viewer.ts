import { setMaxListeners } from 'node:events';
import { LiveClient } from '../../../client/index.ts';
import type { RoomSubscription } from '../../../client/index.ts';
import type { Clock } from '../../../common/clock.ts';
import { aborted } from '../../../common/sleep.ts';
import type { Address } from '../../../common/units.ts';
import { DeadEndpoint } from '../../links/dead-endpoint.ts';
import { rst } from '../../links/faults/rst.ts';
import { stall } from '../../links/faults/stall.ts';
import type { FaultHandle } from '../../links/fault.ts';
import { FaultProxy } from '../../links/proxy.ts';
import type { FaultyViewer } from '../../links/viewer-fault.ts';
import { HandlingPace } from '../../links/viewer-fault.ts';
import type { RunTransport, ViewerTotals } from '../../record/recording.ts';
import { chance } from '../chance.ts';
import { clientTimes } from '../client-times.ts';
import { endpointAt } from '../transport.ts';
import { Answers } from './answers.ts';
import type { OnViewer } from './link-faults.ts';
import type { Goal, ViewerSpec } from './protocol.ts';
import { SuspendableClock } from './suspendable-clock.ts';
import { ViewerLog } from './viewer-log.ts';

/** What a viewer depends on. */
export interface ViewerDependencies extends ViewerSpec {
  readonly gateways: readonly Address[];
  readonly seed: number;
  readonly transport: RunTransport;
  readonly clock: Clock;
  /** How long a connection may take, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Told when the client gives up for good; the viewer is over then. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * A viewer with a client of its own, whose every connection goes through a fault proxy that no other viewer uses. Of the endpoints
 * that the client may choose from, one is dead.
 */
export class Viewer implements FaultyViewer {
  readonly name: string;
  readonly log: ViewerLog;
  readonly answers: Answers;
  readonly rooms: readonly string[];
  readonly #clock: SuspendableClock;
  readonly #pace: HandlingPace;
  readonly #proxies: readonly FaultProxy[];
  readonly #deadEndpoint: DeadEndpoint;
  readonly #client: LiveClient;
  #subscriptions: readonly RoomSubscription[] = [];
  #iterations: readonly Promise<void>[] = [];
  #sleeping: { readonly woken: AbortController; readonly links: readonly FaultHandle[] } | undefined;

  /** Begins to follow the rooms; `log` tells when it has caught up. */
  static async start(dependencies: ViewerDependencies): Promise<Viewer> {
    const { gateways, clock } = dependencies;
    const proxies = await Promise.all(gateways.map((gateway) => FaultProxy.listen(gateway, clock)));
    const viewer = new Viewer(dependencies, proxies, await DeadEndpoint.open());
    viewer.#subscriptions = viewer.rooms.map((room) => viewer.#client.join(room));
    viewer.#iterations = viewer.#subscriptions.map((subscription) =>
      viewer.#follow(subscription).catch(dependencies.onFailure),
    );
    return viewer;
  }

  private constructor(
    { viewer, rooms, seed, transport, clock, connectTimeoutMs, onFailure }: ViewerDependencies,
    proxies: readonly FaultProxy[],
    dead: DeadEndpoint,
  ) {
    this.name = viewer;
    this.rooms = rooms;
    this.log = new ViewerLog(clock, rooms);
    this.#clock = new SuspendableClock(clock);
    this.#pace = new HandlingPace(this.#clock);
    this.#proxies = proxies;
    this.#deadEndpoint = dead;
    const random = chance(seed, `client of ${viewer}`);
    this.#client = new LiveClient({
      endpoints: [...proxies, dead].map(({ address }) => endpointAt(address, transport)),
      clientName: `chaos ${viewer}`,
      clock: this.#clock,
      random,
      compression: random() < 0.5 ? 'deflate' : 'none',
      connectTimeoutMs,
      ...clientTimes,
    });
    this.answers = new Answers({ viewer, client: this.#client, clock: this.#clock, onFailure });
    this.#client.on('state', ({ kind: name }) => this.log.state(name));
    this.#client.on('upstream', (upstream, causes) => {
      if (upstream === 'OK' || upstream === 'DEGRADED') this.log.upstream({ upstream, causes });
    });
  }

  /** Applies a fault; the returned function lifts it. */
  apply({ on, fault }: OnViewer): () => void {
    if (on === 'device') {
      const lifted = new AbortController();
      fault.apply(this, lifted.signal);
      return () => lifted.abort();
    }
    const handles = this.#proxies.map((proxy) => proxy.applyAll(fault));
    return () => {
      for (const handle of handles) handle.lift();
    };
  }

  slowDown(handlingMs: number): void {
    this.#pace.set(handlingMs);
  }

  suspend(): void {
    if (this.#sleeping !== undefined) return;
    const woken = new AbortController();
    // Every room's iteration waits for it.
    setMaxListeners(0, woken.signal);
    this.#sleeping = { woken, links: this.#proxies.map((proxy) => proxy.applyAll(stall)) };
    this.#clock.suspend();
  }

  resume(): void {
    const sleeping = this.#sleeping;
    if (sleeping === undefined) return;
    this.#sleeping = undefined;
    for (const link of sleeping.links) link.lift();
    sleeping.woken.abort();
    this.#clock.resume();
  }

  resetConnections(): void {
    for (const proxy of this.#proxies) proxy.applyAll(rst).lift();
  }

  silenceDeadEndpoint(): () => void {
    return this.#deadEndpoint.silent();
  }

  answerMessages(oneIn: number): () => void {
    return this.answers.begin(oneIn);
  }

  /** Whether every room has come to its goal. */
  isAt(goals: ReadonlyMap<string, Goal>): boolean {
    return this.rooms.every((room) => {
      const goal = goals.get(room);
      return goal === undefined || this.log.isAt(room, goal);
    });
  }

  /** Leaves with everything handled that was given out, and tells what the client counted. */
  async finish(): Promise<ViewerTotals> {
    for (const subscription of this.#subscriptions) subscription.leave();
    await Promise.all(this.#iterations);
    for (const { room, cursor } of this.#subscriptions) this.log.end(room, cursor);
    await this.#client.close();
    this.#deadEndpoint.close();
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
    const {
      reconnects,
      bytesReceived: bytes,
      duplicatesDropped,
      continuityViolations,
    } = this.#client.counters;
    return { viewer: this.name, reconnects, bytes, duplicatesDropped, continuityViolations };
  }

  async #follow(subscription: RoomSubscription): Promise<void> {
    for await (const event of subscription) {
      this.log.record(event);
      await this.#pace.handle();
      await this.answers.answer(event);
      if (this.#sleeping !== undefined) await aborted(this.#sleeping.woken.signal);
    }
  }
}
