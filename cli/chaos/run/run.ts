import type { RoomInfo } from '../../../client/index.ts';
import { LiveClient } from '../../../client/index.ts';
import type { Clock } from '../../../common/clock.ts';
import { systemClock } from '../../../common/clock.ts';
import { aborted, sleep } from '../../../common/sleep.ts';
import { formatAddress } from '../../../common/units.ts';
import { Interrupted } from '../../errors.ts';
import type { Place } from '../oracle/history.ts';
import { seqOf } from '../oracle/history.ts';
import type { PlannedFault, Recorder, RunPlan } from '../recording.ts';
import type { Backend } from './backend/backend.ts';
import { consequencesFor } from './consequences.ts';
import { Epochs } from './epochs.ts';
import { Excuses } from './excuses.ts';
import { roomNames, roomsOf, viewerNames } from './plan.ts';
import type { Progress } from './progress.ts';
import { Traffic } from './traffic.ts';
import { ViewerFleet } from './viewers/fleet.ts';

/** How long everyone may take to catch up after publishing has ended and all is healed, in milliseconds. */
export const settleMs = 30_000;

/** How long all viewers together may take to connect before a run begins, in milliseconds. */
const startMs = 120_000;

/** How long a gateway may take to describe a room, in milliseconds. */
const askMs = 5_000;

/** How often progress is told, in milliseconds. */
const progressEveryMs = 250;

/** What a run needs beside its plan. */
export interface RunContext {
  readonly backend: Backend;
  readonly recorder: Recorder;
  readonly onProgress: (progress: Progress) => void;
  /** Ends the run early, in order: what is broken is healed, and everyone may catch up. */
  readonly stopped: AbortSignal;
}

/**
 * Does what the plan says and records what becomes of it: viewers connect, messages are published, faults come and go,
 * everything is healed, everyone catches up.
 * @throws when viewers cannot begin, or viewers or gateways end by themselves
 */
export async function runPlan(plan: RunPlan, context: RunContext): Promise<void> {
  const run = new Run(plan, context);
  try {
    await Promise.race([run.go(), run.failed, context.backend.failed]);
  } finally {
    await run.close();
  }
}

class Run {
  private readonly plan: RunPlan;
  private readonly context: RunContext;
  private readonly clock: Clock = systemClock;
  private readonly rooms: readonly string[];
  private readonly fleet: ViewerFleet;
  private readonly clients: readonly LiveClient[];
  private readonly excuses = new Excuses();
  private readonly lifted = new AbortController();
  private readonly closed = new AbortController();
  private originMs = Infinity;
  private phase: Progress['phase'] = 'connecting';
  private census: Progress['census'] = { states: {}, faults: {}, delivered: 0, holes: 0, lagMs: 0 };
  private traffic: Traffic | undefined;
  private faultBehind: string | undefined;
  private behindOver: Promise<void> = Promise.resolve();

  constructor(plan: RunPlan, context: RunContext) {
    this.plan = plan;
    this.context = context;
    this.rooms = roomNames(plan);
    const { recorder, backend } = context;
    const viewers = viewerNames(plan.viewers)
      .map((viewer, index) => ({ viewer, rooms: roomsOf(index, this.rooms) }))
      .filter(({ viewer }) => plan.onlyViewer === undefined || viewer === plan.onlyViewer);
    this.fleet = new ViewerFleet(viewers, ({ events, faults, census }) => {
      this.census = census;
      for (const fault of faults) recorder.fault(fault);
      for (const news of events) {
        recorder.events(
          news.viewer,
          news.events.map((event) => this.excuses.judge(event)),
        );
      }
    });
    // Publishers have an undisturbed way to the gateways.
    const endpoints = backend.gateways.map(formatAddress);
    this.clients = endpoints.map(
      (_, first) =>
        new LiveClient({
          endpoints: [...endpoints.slice(first), ...endpoints.slice(0, first)],
          clientName: 'chaos publisher',
          backoff: { baseMs: 50, maxMs: 1_000 },
        }),
    );
  }

  get failed(): Promise<never> {
    return this.fleet.failed;
  }

  async go(): Promise<void> {
    const { plan, fleet, clock } = this;
    const { backend, recorder, stopped } = this.context;
    recorder.plan(plan);
    const ticker = clock.every(progressEveryMs, () => this.context.onProgress(this.progress));
    try {
      const started = fleet.start(plan.seed, backend.gateways);
      await unlessStopped(stopped, within(startMs, 'the viewers could not all connect', started));
      const epochs = new Epochs(await this.readEpoch());
      this.originMs = clock.wallMs();
      this.phase = 'running';
      fleet.run(this.originMs, plan.faults);
      this.traffic = this.startTraffic(epochs);
      this.behindOver = this.applyFaultsBehind(epochs);
      await sleep(clock, plan.durationMs, stopped);
      this.phase = 'settling';
      await this.settle();
      for (const totals of await fleet.finish()) recorder.totals(totals);
      const historyReads = await backend.historyReads();
      if (historyReads !== undefined) recorder.historyReads(historyReads);
      this.phase = 'done';
      this.context.onProgress(this.progress);
    } finally {
      ticker.cancel();
    }
  }

  async close(): Promise<void> {
    this.closed.abort();
    this.lifted.abort();
    await this.fleet.close();
    await Promise.all(this.clients.map((client) => client.close()));
    await this.behindOver.catch(() => undefined);
  }

  private startTraffic(epochs: Epochs): Traffic {
    const { rooms, clients, clock, plan } = this;
    const { rate, ephemeralRate } = plan;
    const nowMs = (): number => this.nowMs();
    const { recorder } = this.context;
    return new Traffic({ rooms, clients, clock, rate, ephemeralRate, epochs, recorder, nowMs });
  }

  /** One after the other: a fault that takes longer than planned delays the next. */
  private async applyFaultsBehind(epochs: Epochs): Promise<void> {
    const consequences = consequencesFor(
      this.excuses,
      epochs,
      () => this.nowMs(),
      () => this.readEpoch(),
    );
    for (const fault of this.plan.faults) {
      if (fault.viewer !== undefined) continue;
      await sleep(this.clock, fault.atMs - this.nowMs(), this.lifted.signal);
      if (this.lifted.signal.aborted) return;
      await this.applyBehind(fault, (lifted) => this.context.backend.apply(fault, consequences, lifted));
    }
  }

  private async applyBehind(
    fault: PlannedFault,
    apply: (lifted: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const lifted = new AbortController();
    const lift = (): void => lifted.abort();
    const timer = this.clock.after(fault.forMs, lift);
    this.lifted.signal.addEventListener('abort', lift);
    const fromMs = this.nowMs();
    this.faultBehind = fault.name;
    try {
      await apply(lifted.signal);
    } finally {
      timer.cancel();
      this.lifted.signal.removeEventListener('abort', lift);
      this.faultBehind = undefined;
    }
    this.context.recorder.fault({ fault: fault.fault, fromMs, toMs: this.nowMs() });
  }

  /** Everything is healed, nothing is published any more, and everyone may catch up. */
  private async settle(): Promise<void> {
    const quiet = this.traffic?.stop();
    this.fleet.heal();
    this.lifted.abort();
    await this.behindOver;
    await quiet;
    const heads = await this.heads();
    this.context.recorder.settled(heads);
    // Whoever is not there in time has lost what is missing: the verdict will say so.
    await within(settleMs, 'not everyone has caught up', this.fleet.settle(heads)).catch(() => undefined);
  }

  /** Where everyone is to come to: at least to everything that was acknowledged. */
  private async heads(): Promise<Map<string, Place>> {
    const heads = await Promise.all(
      this.rooms.map(async (room): Promise<[string, Place]> => {
        const { epoch, head } = await this.roomInfo(room);
        const last = this.traffic?.last.get(room);
        return [room, { epoch, seq: Math.max(seqOf(head), last?.epoch === epoch ? last.seq : 0) }];
      }),
    );
    return new Map(heads);
  }

  private async readEpoch(): Promise<string> {
    return (await this.roomInfo(this.rooms[0] ?? '')).epoch;
  }

  /** Asks until there is an answer: what was healed just now may need a moment. */
  private async roomInfo(room: string): Promise<RoomInfo> {
    const [client] = this.clients;
    if (client === undefined) throw new Error('there is no gateway');
    const giveUpMs = this.clock.monotonicMs() + settleMs;
    for (;;) {
      try {
        return await client.room(room, { timeoutMs: askMs });
      } catch (error) {
        if (this.clock.monotonicMs() >= giveUpMs) throw error;
        await sleep(this.clock, progressEveryMs, this.closed.signal);
        this.closed.signal.throwIfAborted();
      }
    }
  }

  private nowMs(): number {
    return this.clock.wallMs() - this.originMs;
  }

  private get progress(): Progress {
    const { phase, census, faultBehind, traffic, plan } = this;
    return {
      phase,
      census,
      faultBehind,
      published: traffic?.counts ?? { acknowledged: 0, unknown: 0, refused: 0 },
      leftMs: phase === 'running' ? Math.max(0, plan.durationMs - this.nowMs()) : undefined,
    };
  }
}

/** @throws Interrupted when the run is stopped before it has begun */
async function unlessStopped<T>(stopped: AbortSignal, work: Promise<T>): Promise<T> {
  const interrupted = aborted(stopped).then(() => {
    throw new Interrupted('interrupted before the run began');
  });
  interrupted.catch(() => undefined);
  return Promise.race([work, interrupted]);
}

async function within<T>(timeoutMs: number, failure: string, work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = sleep(systemClock, timeoutMs, over.signal).then(() => {
    if (!over.signal.aborted) throw new Error(`${failure} within ${timeoutMs / 1_000} s`);
    return work;
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}
