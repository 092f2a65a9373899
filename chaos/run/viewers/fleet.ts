import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Address } from '../../../common/units.ts';
import type { PlannedFault, RunPlan, ViewerTotals } from '../../record/recording.ts';
import { siblingModule } from '../module-path.ts';
import type { Census, Goal, HostReport, HostRequest, ViewerSpec } from './protocol.ts';

/** Viewers that one event loop holds with ease. */
const VIEWERS_PER_PROCESS = 500;

const processesFor = (viewers: number): number =>
  Math.min(Math.ceil(viewers / VIEWERS_PER_PROCESS), availableParallelism());

/** How many of a run's viewers share a process, at most. */
export function viewersOfProcess(viewers: number): number {
  return Math.ceil(viewers / Math.max(1, processesFor(viewers)));
}

/** What becomes of the viewers while they run. */
export type FleetUpdate = Omit<Extract<HostReport, { kind: 'update' }>, 'kind'>;

/** All viewers of a run, in one process or several. */
export class ViewerFleet {
  readonly #hosts: readonly Host[];

  /** Starts the processes; `failed` rejects when one of them cannot go on. */
  constructor(viewers: readonly ViewerSpec[], onUpdate: (update: FleetUpdate) => void) {
    const count = processesFor(viewers.length);
    // Who shares a connection shares a process.
    const shares = Array.from({ length: count }, (_, share) =>
      viewers.filter(({ pool }, index) => (pool ?? index) % count === share),
    );
    const censuses = new Map<Host, Census>();
    this.#hosts = shares.map((share) => {
      const host = new Host(share, (update) => {
        censuses.set(host, update.census);
        onUpdate({ ...update, census: sum([...censuses.values()]) });
      });
      return host;
    });
  }

  /** Rejects when viewers cannot go on; never resolves. */
  get failed(): Promise<never> {
    return Promise.race(this.#hosts.map(({ failed }) => failed));
  }

  /** Connects all viewers; resolves when every one has caught up. */
  async start(
    { seed, transport }: Pick<RunPlan, 'seed' | 'transport'>,
    gateways: readonly Address[],
  ): Promise<void> {
    await Promise.all(
      this.#hosts.map((host) =>
        host.ask({ kind: 'start', seed, transport, gateways, viewers: host.viewers }, 'ready'),
      ),
    );
  }

  run(originMs: number, faults: readonly PlannedFault[]): void {
    for (const host of this.#hosts) {
      const own = new Set(host.viewers.map(({ viewer }) => viewer));
      const theirs = faults.filter(({ viewer }) => viewer !== undefined && own.has(viewer));
      host.tell({ kind: 'run', originMs, faults: theirs });
    }
  }

  /** Resolves when no viewer is publishing anything, and all outcomes have been told; none publishes until `resumePublishing`. */
  async pausePublishing(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.ask({ kind: 'pause-publishing' }, 'publishing-paused')));
  }

  resumePublishing(): void {
    for (const host of this.#hosts) host.tell({ kind: 'resume-publishing' });
  }

  heal(): void {
    for (const host of this.#hosts) host.tell({ kind: 'heal' });
  }

  /** Resolves when every viewer has come to the goals of its rooms. */
  async catchUp(goals: ReadonlyMap<string, Goal>): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.ask({ kind: 'catch-up', goals }, 'caught-up')));
  }

  /** Ends the viewers. When it resolves, all updates have been told. */
  async finish(): Promise<ViewerTotals[]> {
    const ends = await Promise.all(this.#hosts.map((host) => host.ask({ kind: 'finish' }, 'finished')));
    return ends.flatMap(({ totals }) => totals);
  }

  /** Ends the processes. */
  async close(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.close()));
  }
}

type Answer = Exclude<HostReport['kind'], 'update' | 'failed'>;

/** One process of viewers. */
class Host {
  readonly viewers: readonly ViewerSpec[];
  readonly failed: Promise<never>;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(viewers: readonly ViewerSpec[], onUpdate: (update: FleetUpdate) => void) {
    this.viewers = viewers;
    // Structured clone: sequences, maps and undefined arrive as they are.
    this.#child = fork(fileURLToPath(siblingModule(import.meta.url, './main')), {
      serialization: 'advanced',
      // A terminal's Ctrl-C is meant for the tool alone, which then ends the run in order.
      detached: true,
    });
    this.#exited = once(this.#child, 'exit');
    this.#child.on('message', (report: HostReport) => {
      if (report.kind === 'update') onUpdate(report);
    });
    this.failed = new Promise((_, reject) => {
      this.#child.on('message', (report: HostReport) => {
        if (report.kind === 'failed') reject(new Error(report.message));
      });
      this.#child.once('error', reject);
      this.#child.once('exit', (code, signal) =>
        reject(new Error(`a process of viewers ended with ${signal ?? `exit code ${code}`}`)),
      );
    });
    // It also fails when it is closed, and then nobody waits for it.
    this.failed.catch(() => undefined);
  }

  tell(request: HostRequest): void {
    this.#child.send(request);
  }

  ask<Kind extends Answer>(request: HostRequest, answer: Kind): Promise<Extract<HostReport, { kind: Kind }>> {
    const answered = new Promise<Extract<HostReport, { kind: Kind }>>((resolve) => {
      const listener = (report: HostReport): void => {
        if (!isAnswer(report, answer)) return;
        this.#child.off('message', listener);
        resolve(report);
      };
      this.#child.on('message', listener);
    });
    this.tell(request);
    return Promise.race([answered, this.failed]);
  }

  async close(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}

function isAnswer<Kind extends Answer>(
  report: HostReport,
  kind: Kind,
): report is Extract<HostReport, { kind: Kind }> {
  return report.kind === kind;
}

function sum(censuses: readonly Census[]): Census {
  const states: Record<string, number> = {};
  const faults: Record<string, number> = {};
  const total = { states, faults, delivered: 0, holes: 0 };
  for (const census of censuses) {
    addTo(states, census.states);
    addTo(faults, census.faults);
    total.delivered += census.delivered;
    total.holes += census.holes;
  }
  return total;
}

function addTo(total: Record<string, number>, counts: Readonly<Partial<Record<string, number>>>): void {
  for (const [name, count = 0] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
}
