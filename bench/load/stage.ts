import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds, machineBusySeconds } from '../measure/processes.ts';
import { percentile } from '../measure/statistics.ts';
import type { RunningPeer } from '../peers/peer.ts';
import type { Circumstances } from '../scenario.ts';
import type { PublisherMethods } from './publisher.ts';
import type { SubscriberMethods } from './subscribers.ts';
import type { Worker } from './worker.ts';
import { startWorker } from './worker.ts';

const POLL_MS = 20;
const PRIME_PATIENCE_MS = 20_000;
const REPEAT_PRIME_MS = 1_000;
const DRAIN_PATIENCE_MS = 10_000;

/** The room that everything is published to unless said otherwise. */
export const ROOM = 'bench';

/** A steady flow of messages and what came of it. */
export interface Flow {
  /** Deliveries a second, as scheduled and as received. */
  readonly offered: number;
  readonly delivered: number;
  /** CPU seconds of the server's processes for a million deliveries. */
  readonly cpuPerMillion: number;
  /** Milliseconds from publishing to receiving. */
  readonly p50: number;
  readonly p99: number;
  /** CPU time taken by what has nothing to do with the bench, in cores: noise. */
  readonly others: number;
}

/** How a flow is made. */
export interface FlowOptions {
  /** Messages a second. */
  readonly rate: number;
  readonly warmupSeconds: number;
  readonly seconds: number;
}

/** What a stage needs beyond the ordinary. */
export interface StageOptions {
  /** By which of the peer's ways is published; `natural` if absent. */
  readonly path?: string;
  /** Messages of a room that can be replayed, where the peer has to be told. */
  readonly history?: number;
}

/** Subscribers were lost, for one reason or another: what the others receive is not what was asked about. */
export class SubscribersLost extends Error {
  readonly count: number;

  constructor(reasons: readonly string[]) {
    super(`${reasons.length} subscribers were lost: ${reasons[0]}`);
    this.count = reasons.length;
  }
}

/** A running peer between a publisher and subscribers. */
export class Stage implements AsyncDisposable {
  readonly peer: Circumstances['peer'];
  readonly running: RunningPeer;
  readonly subscribers: Worker<SubscriberMethods>;
  readonly publisher: Worker<PublisherMethods>;
  #viewers = 0;
  /** Deliveries that are due. */
  #expected = 0;

  private constructor(peer: Circumstances['peer'], running: RunningPeer) {
    this.peer = peer;
    this.running = running;
    this.subscribers = startWorker<SubscriberMethods>(new URL('./subscribers.ts', import.meta.url));
    this.publisher = startWorker<PublisherMethods>(new URL('./publisher.ts', import.meta.url));
  }

  /** Starts the peer and connects a publisher. */
  static async set(circumstances: Circumstances, options: StageOptions = {}): Promise<Stage> {
    const { peer, directory } = circumstances;
    const running = await peer.start({ directory, history: options.history });
    return Stage.around(circumstances, running, options);
  }

  /** Connects a publisher to a peer that runs. */
  static async around<R extends RunningPeer>(
    { peer }: Circumstances,
    running: R,
    { path = 'natural' }: StageOptions = {},
  ): Promise<Stage & { readonly running: R }> {
    const stage = new Stage(peer, running) as Stage & { readonly running: R };
    const port = running.publishPorts[path] as number;
    try {
      await stage.publisher.call('connect', { peer: peer.name, path, port });
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
    return stage;
  }

  /** Opens `count` viewers of the room; resolves when a message has reached every one. */
  async open(count: number): Promise<void> {
    const { subscribers, publisher } = this;
    const { name } = this.peer;
    const port = this.running.subscribePort;
    await subscribers.call('open', { peer: name, port, room: ROOM, count, kind: 'live' });
    this.#viewers += count;
    const giveUpMs = performance.now() + PRIME_PATIENCE_MS;
    for (;;) {
      const before = await subscribers.call('count', undefined);
      await publisher.call('run', { rooms: [ROOM], rate: 1, seconds: 1 });
      const resendMs = performance.now() + REPEAT_PRIME_MS;
      while (performance.now() < resendMs) {
        const reached = (await subscribers.call('count', undefined)) - before;
        if (reached === this.#viewers) {
          this.#expected = await subscribers.call('count', undefined);
          return;
        }
        if (performance.now() > giveUpMs)
          throw new Error(`a message has reached ${reached} of ${this.#viewers}`);
        await delay(POLL_MS);
      }
    }
  }

  /** Publishes messages to a room, evenly over `seconds`. */
  async publish(messages: number, seconds: number, room = ROOM): Promise<void> {
    await this.publisher.call('run', { rooms: [room], rate: messages / seconds, seconds });
    if (room === ROOM) this.#expected += messages * this.#viewers;
  }

  /**
   * Publishes at a steady rate and measures behind the warm-up.
   * @throws SubscribersLost
   */
  async flow({ rate, warmupSeconds, seconds }: FlowOptions): Promise<Flow> {
    const { subscribers, publisher } = this;
    const published = publisher.call('run', { rooms: [ROOM], rate, seconds: warmupSeconds + seconds });
    await delay(warmupSeconds * 1000);
    await subscribers.call('begin', undefined);
    const before = this.#cpu();
    await delay(seconds * 1000);
    const after = this.#cpu();
    const elapsed = (after.ms - before.ms) / 1000;
    const cpu = (after.server - before.server) / elapsed;
    const received = await subscribers.call('end', undefined);
    this.#expected += (await published).messages * this.#viewers;
    if (received.losses.length > 0) throw new SubscribersLost(received.losses);
    const delivered = received.messages / received.seconds;
    return {
      offered: rate * this.#viewers,
      delivered,
      cpuPerMillion: (cpu / delivered) * 1e6,
      p50: percentile(received.ages, 0.5) / 1000,
      p99: percentile(received.ages, 0.99) / 1000,
      // Processes are counted in ticks, so that the difference may come out below nothing.
      others: Math.max(0, (after.others - before.others) / elapsed),
    };
  }

  /** CPU seconds so far. */
  #cpu(): { readonly ms: number; readonly server: number; readonly others: number } {
    const server = cpuSeconds(this.running.pids);
    const load = cpuSeconds([process.pid, this.subscribers.pid, this.publisher.pid]);
    return { ms: performance.now(), server, others: machineBusySeconds() - server - load };
  }

  /** Waits for what is still on its way; the share of all deliveries due that have been made. */
  async deliveredShare(): Promise<number> {
    const giveUpMs = performance.now() + DRAIN_PATIENCE_MS;
    for (;;) {
      const count = await this.subscribers.call('count', undefined);
      if (count >= this.#expected || performance.now() > giveUpMs) return count / this.#expected;
      await delay(POLL_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.subscribers.stop(), this.publisher.stop()]);
    await this.running.stop();
  }
}
