import type { Clock } from '../../../common/clock.ts';
import { systemClock } from '../../../common/clock.ts';
import { Limiter } from '../../../common/limiter.ts';
import { until } from '../until.ts';
import type { AppliedFault, PlannedFault, ViewerTotals } from '../../record/recording.ts';
import { EVENT_LOOP_STALL } from '../../record/recording.ts';
import { isFaultName, isOfKind } from '../catalogue.ts';
import { chance } from '../chance.ts';
import { connectTimeoutMs } from '../client-times.ts';
import { watchEventLoop } from '../event-loop-stalls.ts';
import { FaultSchedule } from './fault-schedule.ts';
import { onViewer } from './link-faults.ts';
import { Pool } from './pool.ts';
import type { Census, Goal, HostReport, HostRequest } from './protocol.ts';
import { Viewer } from './viewer.ts';

/** How often is told what has happened, in milliseconds. */
const UPDATE_EVERY_MS = 200;

/** Viewers that may be connecting at once when a run begins: a start is no storm. */
const STARTING_AT_ONCE = 64;

type StartRequest = Extract<HostRequest, { kind: 'start' }>;

/** Runs a share of the viewers in a process of their own. */
export class ViewerHost {
  readonly #clock: Clock = systemClock;
  readonly #tell: (report: HostReport) => void;
  readonly #viewers = new Map<string, Viewer>();
  /** By viewer. */
  readonly #pools = new Map<string, Pool>();
  #seed = 0;
  #originMs: number | undefined;
  #schedule: FaultSchedule | undefined;
  #applied: AppliedFault[] = [];

  constructor(tell: (report: HostReport) => void) {
    this.#tell = tell;
  }

  async handle(request: HostRequest): Promise<void> {
    switch (request.kind) {
      case 'start':
        await this.#start(request);
        this.#tell({ kind: 'ready' });
        return;
      case 'run':
        this.#run(request.originMs, request.faults);
        return;
      case 'heal':
        return this.#schedule?.heal();
      case 'pause-publishing':
        await this.#pausePublishing();
        this.#tell({ kind: 'publishing-paused' });
        return;
      case 'resume-publishing':
        for (const { answers } of this.#viewers.values()) answers.resumePublishing();
        return;
      case 'catch-up':
        await this.#catchUp(request.goals);
        this.#tell({ kind: 'caught-up' });
        return;
      case 'finish':
        this.#tell({ kind: 'finished', totals: await this.#finish() });
        return;
    }
  }

  async #start({ seed, transport, gateways, viewers }: StartRequest): Promise<void> {
    this.#seed = seed;
    const clock = this.#clock;
    await this.#openPools(viewers, gateways);
    const limiter = new Limiter(STARTING_AT_ONCE);
    const startOne = async (spec: StartRequest['viewers'][number]): Promise<void> => {
      const onFailure = (error: unknown): void =>
        this.#tell({ kind: 'failed', message: `${spec.viewer} has ended: ${String(error)}` });
      const viewer = await Viewer.start({
        ...spec,
        seed,
        transport,
        gateways: this.#pools.get(spec.viewer)?.addresses ?? gateways,
        clock,
        onFailure,
        connectTimeoutMs: connectTimeoutMs(viewers.length),
      });
      this.#viewers.set(spec.viewer, viewer);
      await until(clock, () => viewer.log.caughtUp);
    };
    await Promise.all(viewers.map((spec) => limiter.run(() => startOne(spec))));
  }

  async #openPools(viewers: StartRequest['viewers'], gateways: StartRequest['gateways']): Promise<void> {
    const numbers = new Set(viewers.map(({ pool }) => pool));
    for (const number of numbers) {
      if (number === undefined) continue;
      const pool = await Pool.open(gateways, this.#clock);
      for (const spec of viewers) if (spec.pool === number) this.#pools.set(spec.viewer, pool);
    }
  }

  #run(originMs: number, faults: readonly PlannedFault[]): void {
    this.#originMs = originMs;
    this.#schedule = new FaultSchedule(
      this.#clock,
      originMs,
      faults,
      (fault) => this.#apply(fault),
      (fault) => this.#applied.push(fault),
    );
    this.#clock.every(UPDATE_EVERY_MS, () => this.#sendUpdate());
    watchEventLoop(this.#clock, ({ fromMs, toMs }) => {
      this.#applied.push({ fault: EVENT_LOOP_STALL, fromMs: fromMs - originMs, toMs: toMs - originMs });
    });
  }

  /** What the plan leaves open follows from the seed and the fault's number, in a reduced run too. */
  #apply({ fault, name, viewer: of = '' }: PlannedFault): () => void {
    const viewer = this.#viewers.get(of);
    if (viewer !== undefined && isFaultName(name) && isOfKind(name, 'viewer'))
      return viewer.apply(onViewer[name](chance(this.#seed, `fault ${fault}`)));
    const pool = this.#pools.get(of);
    if (viewer === undefined || pool === undefined || name !== 'stuck-neighbour')
      throw new Error(`fault ${fault}: ${name} cannot be applied to viewer ${of}`);
    return pool.bringNeighbours(`${viewer.rooms[0]}-neighbour`);
  }

  async #pausePublishing(): Promise<void> {
    await Promise.all([...this.#viewers.values()].map(({ answers }) => answers.pausePublishing()));
    this.#sendUpdate();
  }

  #catchUp(goals: ReadonlyMap<string, Goal>): Promise<void> {
    const viewers = [...this.#viewers.values()];
    return until(this.#clock, () => viewers.every((viewer) => viewer.isAt(goals)));
  }

  async #finish(): Promise<ViewerTotals[]> {
    this.#schedule?.heal();
    const totals = await Promise.all([...this.#viewers.values()].map((viewer) => viewer.finish()));
    await Promise.all([...new Set(this.#pools.values())].map((pool) => pool.close()));
    this.#sendUpdate();
    return totals;
  }

  #sendUpdate(): void {
    const originMs = this.#originMs ?? 0;
    const applied = this.#applied;
    this.#applied = [];
    const events = [...this.#viewers.values()]
      .map(({ name, log }) => ({ viewer: name, events: log.take(originMs) }))
      .filter((update) => update.events.length > 0);
    const answers = [...this.#viewers.values()].flatMap((viewer) => viewer.answers.take(originMs));
    this.#tell({ kind: 'update', events, answers, faults: applied, census: this.#census() });
  }

  #census(): Census {
    const states: Record<string, number> = {};
    let delivered = 0;
    let holes = 0;
    for (const { log } of this.#viewers.values()) {
      states[log.connection] = (states[log.connection] ?? 0) + 1;
      delivered += log.delivered;
      holes += log.holes;
    }
    return { states, faults: this.#schedule?.census ?? {}, delivered, holes };
  }
}
