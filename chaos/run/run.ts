import type { LiveClient } from '../../client/index.ts';
import type { Clock, Timer } from '../../common/clock.ts';
import { systemClock } from '../../common/clock.ts';
import { sleep } from '../../common/sleep.ts';
import type { Place } from '../oracle/history.ts';
import type { AppliedFault, Recorder, RunPlan } from '../record/recording.ts';
import { EVENT_LOOP_STALL } from '../record/recording.ts';
import type { Backend } from './backend/backend.ts';
import { BackendFaultSchedule } from './backend-fault-schedule.ts';
import { chance } from './chance.ts';
import { consequencesFor } from './consequences.ts';
import { Epochs } from './epochs.ts';
import { Excuses } from './excuses.ts';
import { HeadReader } from './head-reader.ts';
import { poolOf, roomNames, roomsOf, viewerNames } from './plan.ts';
import type { Progress } from './progress.ts';
import { publishersFor } from './publishers.ts';
import { watchEventLoop } from './event-loop-stalls.ts';
import { Traffic } from './traffic.ts';
import type { FleetUpdate } from './viewers/fleet.ts';
import { ViewerFleet } from './viewers/fleet.ts';
import type { Goal } from './viewers/protocol.ts';
import { CATCH_UP_MS, unlessStopped, within } from './waits.ts';

/** How long all viewers together may take to connect before a run begins, in milliseconds. */
const START_MS = 120_000;

/** How often the stream is asked for its name, in milliseconds. */
const ASK_NAME_EVERY_MS = 100;

/** How often progress is told, in milliseconds. */
const PROGRESS_EVERY_MS = 250;

/** What a run needs beside its plan. */
export interface RunContext {
  readonly backend: Backend;
  readonly recorder: Recorder;
  readonly onProgress: (progress: Progress) => void;
  /** Ends the run early, in order: what is broken is healed, and everyone may catch up. */
  readonly stopped: AbortSignal;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/**
 * Does what the plan says and records what becomes of it: viewers connect, messages are published, faults come and go,
 * everything is healed, everyone catches up.
 * @throws when viewers cannot begin, or viewers or gateways end by themselves
 */
export async function runPlan(plan: RunPlan, context: RunContext): Promise<void> {
  const run = new Run(plan, context);
  try {
    await Promise.race([run.go(), context.backend.failed]);
  } finally {
    await run.close();
  }
}

class Run {
  readonly #plan: RunPlan;
  readonly #context: RunContext;
  readonly #clock: Clock;
  readonly #rooms: readonly string[];
  readonly #fleet: ViewerFleet;
  readonly #publishers: readonly LiveClient[];
  readonly #headReader: HeadReader;
  readonly #excuses = new Excuses();
  readonly #timers: Timer[] = [];
  #originMs = Infinity;
  #phase: Progress['phase'] = 'connecting';
  #census: Progress['census'] = { states: {}, faults: {}, delivered: 0, holes: 0 };
  #epochs: Epochs | undefined;
  #traffic: Traffic | undefined;
  #backendFaults: BackendFaultSchedule | undefined;
  #longestStallMs = 0;

  constructor(plan: RunPlan, context: RunContext) {
    this.#plan = plan;
    this.#context = context;
    this.#clock = context.clock ?? systemClock;
    this.#rooms = roomNames(plan);
    const viewers = viewerNames(plan.viewers)
      .map((viewer, index) => ({
        viewer,
        rooms: roomsOf(index, this.#rooms),
        pool: poolOf(index, plan.transport),
      }))
      .filter(({ viewer }) => plan.onlyViewer === undefined || viewer === plan.onlyViewer);
    this.#fleet = new ViewerFleet(viewers, (update) => this.#record(update));
    this.#publishers = publishersFor(context.backend);
    this.#headReader = new HeadReader(context.backend.endpoints, this.#clock);
  }

  async go(): Promise<void> {
    const plan = this.#plan;
    const fleet = this.#fleet;
    const clock = this.#clock;
    const { backend, recorder, stopped, onProgress } = this.#context;
    recorder.plan(plan);
    this.#timers.push(clock.every(PROGRESS_EVERY_MS, () => onProgress(this.#progress)));
    const started = fleet.start(plan, backend.gateways);
    await unlessStopped(stopped, within(clock, START_MS, 'the viewers could not all connect', started));
    this.#epochs = new Epochs(await this.#readEpoch(), () => this.#nowMs());
    await this.#run(this.#epochs);
    this.#phase = 'catching-up';
    await this.#catchUp();
    for (const totals of await fleet.finish()) recorder.totals(totals);
    for (const [epoch, first] of this.#epochs.firstNames) recorder.sameStream(epoch, first);
    const historyReads = await backend.historyReads();
    if (historyReads !== undefined) recorder.historyReads(historyReads);
    this.#phase = 'done';
    onProgress(this.#progress);
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    this.#backendFaults?.heal();
    await this.#fleet.close();
    await Promise.all([this.#headReader, ...this.#publishers].map((one) => one.close()));
    await this.#backendFaults?.over.catch(() => undefined);
  }

  /** Faults come and go and messages are published, for as long as the plan says or until the run is stopped. */
  async #run(epochs: Epochs): Promise<void> {
    const plan = this.#plan;
    const clock = this.#clock;
    const { backend, recorder, stopped } = this.#context;
    const nowMs = (): number => this.#nowMs();
    this.#originMs = clock.wallMs();
    this.#phase = 'running';
    this.#fleet.run(this.#originMs, plan.faults);
    const { rate, ephemeralRate } = plan;
    const traffic = new Traffic({
      clients: this.#publishers,
      rooms: this.#rooms,
      rate,
      ephemeralRate,
      epochs,
      recorder,
      viewers: this.#fleet,
      clock,
      nowMs,
    });
    this.#traffic = traffic;
    const consequences = consequencesFor({
      excuses: this.#excuses,
      epochs,
      traffic,
      recorder,
      nowMs,
      readEpoch: () => this.#readEpoch(),
    });
    this.#backendFaults = new BackendFaultSchedule({
      faults: plan.faults,
      apply: (fault, lifted) => {
        const random = chance(plan.seed, `fault ${fault.fault}`);
        return backend.apply(fault, { consequences, random, clock, lifted });
      },
      onApplied: (fault) => this.#recordFault(fault),
      clock,
      nowMs,
    });
    this.#timers.push(
      clock.every(ASK_NAME_EVERY_MS, () => void this.#askName(epochs)),
      watchEventLoop(clock, ({ fromMs, toMs }) => {
        const span = { fromMs: fromMs - this.#originMs, toMs: toMs - this.#originMs };
        this.#recordFault({ fault: EVENT_LOOP_STALL, ...span });
      }),
    );
    const over = sleep(clock, plan.durationMs, stopped);
    await Promise.race([over, this.#backendFaults.over.then(() => over), this.#fleet.failed]);
  }

  /** Everything is healed, nothing is published any more, and everyone may catch up. */
  async #catchUp(): Promise<void> {
    const quiet = this.#traffic?.stop();
    quiet?.catch(() => undefined);
    this.#fleet.heal();
    this.#backendFaults?.heal();
    await this.#backendFaults?.over;
    await quiet;
    const heads = await this.#heads();
    this.#context.recorder.finalHeads(heads);
    const goals = new Map<string, Goal>();
    for (const [room, { epoch, seq }] of heads)
      goals.set(room, { epochs: this.#epochs?.namesOf(epoch) ?? [epoch], seq });
    // Whoever is not there in time has lost what is missing: the verdict will say so.
    await within(this.#clock, CATCH_UP_MS, 'not everyone has caught up', this.#fleet.catchUp(goals)).catch(
      () => undefined,
    );
  }

  /** Where everyone is to come to: at least to everything that was acknowledged. */
  async #heads(): Promise<Map<string, Place>> {
    const heads = this.#rooms.map(async (room): Promise<[string, Place]> => {
      const { epoch: name, seq } = await this.#headReader.head(room);
      const epoch = this.#epochs?.firstNameOf(name) ?? name;
      const last = this.#traffic?.last.get(room);
      return [room, { epoch, seq: Math.max(seq, last?.epoch === epoch ? last.seq : 0) }];
    });
    return new Map(await Promise.all(heads));
  }

  async #readEpoch(): Promise<string> {
    return (await this.#headReader.head(this.#rooms[0] ?? '')).epoch;
  }

  #record({ events, answers, faults, census }: FleetUpdate): void {
    this.#census = census;
    for (const answer of answers) this.#traffic?.answered(answer);
    for (const fault of faults) this.#recordFault(fault);
    for (const { viewer, events: of } of events) {
      this.#context.recorder.events(
        viewer,
        of.map((event) => this.#excuses.judge(event)),
      );
    }
  }

  /** A stream that was restored may change its name when another server leads it. Viewers may be reset to that. */
  async #askName(epochs: Epochs): Promise<void> {
    const stamp = epochs.stamp();
    const name = await this.#context.backend.epoch();
    if (name !== undefined && epochs.calls(name, stamp)) this.#excuses.changed(name);
  }

  #recordFault(fault: AppliedFault): void {
    if (fault.fault === EVENT_LOOP_STALL)
      this.#longestStallMs = Math.max(this.#longestStallMs, fault.toMs - fault.fromMs);
    this.#context.recorder.fault(fault);
  }

  #nowMs(): number {
    return this.#clock.wallMs() - this.#originMs;
  }

  get #progress(): Progress {
    const isRunning = this.#phase === 'running';
    return {
      phase: this.#phase,
      census: this.#census,
      backendFault: this.#backendFaults?.current,
      published: this.#traffic?.counts ?? { acknowledged: 0, unknown: 0, refused: 0 },
      longestStallMs: this.#longestStallMs,
      leftMs: isRunning ? Math.max(0, this.#plan.durationMs - this.#nowMs()) : undefined,
    };
  }
}
