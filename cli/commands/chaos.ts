import { randomInt } from 'node:crypto';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseCount, parsePositiveDuration, parseEndpoints, parsePositive } from '../arguments.ts';
import { RecordingError } from '../../chaos/record/database.ts';
import { openRecorder } from '../../chaos/record/recorder.ts';
import { loadPlan } from '../../chaos/record/runs.ts';
import type { RunPlan } from '../../chaos/record/recording.ts';
import { judgeRun } from '../../chaos/report/judge.ts';
import { reportJson } from '../../chaos/report/json.ts';
import { printReport } from '../../chaos/report/print.ts';
import type { Backend } from '../../chaos/run/backend/backend.ts';
import { bounded } from '../../chaos/run/bounds.ts';
import { connectForeignBackend } from '../../chaos/run/backend/foreign-backend.ts';
import { OwnBackend } from '../../chaos/run/backend/own-backend.ts';
import type { FaultName } from '../../chaos/run/catalogue.ts';
import { faultNames, isFaultName, traitsOf } from '../../chaos/run/catalogue.ts';
import { defaults, planFor, reduced } from '../../chaos/run/options.ts';
import type { ProfileName } from '../../chaos/run/profiles.ts';
import { profileNames, profiles } from '../../chaos/run/profiles.ts';
import type { Progress } from '../../chaos/run/progress.ts';
import { runPlan, catchUpMs } from '../../chaos/run/run.ts';
import { Status } from '../../chaos/run/status.ts';
import { UsageError } from '../../common/errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { jsonLine } from '../format-json.ts';
import { onInterrupt } from '../interrupt.ts';
import { Output } from '../../common/node/output.ts';
import { chaosDatabaseHelp, chaosDatabasePath } from '../state-directory.ts';

interface Options {
  server?: string[];
  viewers?: number;
  rooms?: number;
  duration?: number;
  rate?: number;
  ephemeralRate?: number;
  profile?: ProfileName;
  fault?: Map<FaultName, number>;
  seed?: number;
  db: string;
  json?: true;
  gateways?: number;
  natsCluster?: number;
  replay?: string;
  onlyViewer?: string;
  onlyFault?: string[];
}

/** What a recorded plan has decided already. */
const decidedByReplay = [
  'viewers',
  'rooms',
  'duration',
  'rate',
  'ephemeralRate',
  'profile',
  'fault',
  'seed',
  'gateways',
  'natsCluster',
] as const;

const help = `
Without --server it runs gateways and a nats-server of its own, which end with it; LIVE_SERVER is not heeded.

Profiles:
${table(profileNames.map((name) => [name, profiles[name].about]))}

Faults on a viewer's link or device:
${faultTable('viewer')}
Faults on a connection that a proxy puts several viewers on, without --server only:
${faultTable('pool')}
Backend faults, without --server only:
${faultTable('backend')}
Faults of a cluster, with --nats-cluster only:
${faultTable('cluster')}

The schedule follows from the seed alone. Faults come and messages are published for --duration; then all is healed
and everyone may catch up, for ${catchUpMs / 1_000} s at most. Ctrl-C goes there at once, a second one ends everything.`;

/** `live-cli chaos` */
export function chaosCommand(): Command {
  return new Command('chaos')
    .description('Simulate viewers on flapping networks, and prove what was delivered and what was not.')
    .addOption(
      new Option('--server <host:port[,host:port]>', "somebody else's gateways").argParser(parseEndpoints),
    )
    .addOption(number('--viewers <n>', `viewers (default ${defaults.viewers})`, parseCount))
    .addOption(
      number(
        '--rooms <n>',
        `rooms that they are spread over (default: one for ${defaults.viewersPerRoom} viewers)`,
        parseCount,
      ),
    )
    .addOption(
      number(
        '--duration <duration>',
        `how long faults come (default ${defaults.durationMs / 1_000}s)`,
        parsePositiveDuration,
      ),
    )
    .addOption(
      number(
        '--rate <n>',
        `reliable messages a second over all rooms (default ${defaults.rate})`,
        parsePositive,
      ),
    )
    .addOption(
      number('--ephemeral-rate <n>', `ephemeral ones (default ${defaults.ephemeralRate})`, parseNotNegative),
    )
    .addOption(
      new Option(
        '--profile <name>',
        `mix of faults (default ${defaults.profile.own}, with --server ${defaults.profile.foreign})`,
      ).choices(profileNames),
    )
    .addOption(
      new Option(
        '--fault <name...>',
        "these faults in place of the profile's; name=weight makes one likelier",
      ).argParser(parseFault),
    )
    .addOption(number('--seed <n>', 'what the schedule follows from (default: a random one)', parseSeed))
    .addOption(
      number(
        '--gateways <n>',
        `gateways to run (default ${defaults.gateways}, with the profile everything ${profiles.everything.gateways})`,
        parseGateways,
      ),
    )
    .addOption(
      number(
        '--nats-cluster <n>',
        'run 3 or 5 nats-servers, each with a copy of the stream',
        parseClusterSize,
      ),
    )
    .addOption(
      new Option('--replay <run>', 'run the schedule of a recorded run again; "last" for the last one'),
    )
    .addOption(new Option('--only-viewer <name>', 'of the schedule, only this viewer, for example v17'))
    .addOption(new Option('--only-fault <name...>', 'of the schedule, only faults of this name or number'))
    .addOption(
      new Option('--db <file>', 'database to record the run in').default(
        chaosDatabasePath(),
        chaosDatabaseHelp,
      ),
    )
    .addOption(new Option('--json', 'one JSON object with the verdict and the measures'))
    .addHelpText('after', help)
    .action(chaos);
}

async function chaos(options: Options): Promise<void> {
  const schedule = planOf(options);
  const { db, json, server } = options;
  const stop = new AbortController();
  const undo = onInterrupt(() => stop.abort());
  process.stderr.write(
    `run ${schedule.run}: profile ${schedule.profile}, ${schedule.viewers} viewers, ${schedule.faults.length} faults, seed ${schedule.seed}\n`,
  );
  const backend = await backendFor(schedule, server);
  const plan = bounded(schedule, backend);
  try {
    await record(plan, backend, db, stop.signal);
  } finally {
    await backend.close();
    undo();
  }
  const report = judgeRun(db, plan.run);
  if (json) await new Output(process.stdout).line(jsonLine(reportJson(report)));
  else await printReport(report);
  if (report.verdict === 'fail') process.exitCode = exitCodes.failure;
}

async function record(plan: RunPlan, backend: Backend, db: string, stopped: AbortSignal): Promise<void> {
  const recorder = openRecorder(db);
  const status = new Status(process.stderr);
  let stallMs = 0;
  const onProgress = (progress: Progress): void => {
    stallMs = progress.longestStallMs;
    status.show(progress);
  };
  try {
    await runPlan(plan, { backend, recorder, stopped, onProgress });
    // A run that failed is not brought to an end: what there is of it is marked so.
    recorder.close();
  } finally {
    status.clear();
  }
  if (stallMs > 0) {
    process.stderr.write(
      `Event loops of the tool stalled for up to ${(stallMs / 1_000).toFixed(1)} s: that many viewers or messages are too much for this machine.\n`,
    );
  }
}

function backendFor(plan: RunPlan, server: string[] | undefined): Promise<Backend> {
  if (server !== undefined) return connectForeignBackend(server);
  const { gateways = defaults.gateways, natsCluster: natsServers = 1 } = plan;
  return OwnBackend.start({ gateways, natsServers });
}

/** @throws UsageError */
function planOf(options: Options): RunPlan {
  const { server, replay, onlyViewer: viewer, onlyFault: faults, natsCluster, gateways } = options;
  if (server !== undefined && natsCluster !== undefined)
    throw new UsageError('--nats-cluster is for NATS servers of its own: leave --server out');
  if (server !== undefined && gateways !== undefined)
    throw new UsageError('--gateways is for gateways of its own: leave --server out');
  const plan = replay === undefined ? newPlan(options) : recordedPlan(replay, options);
  const backendFault = plan.faults.find((fault) => fault.viewer === undefined);
  if (server !== undefined && backendFault !== undefined)
    throw new UsageError(`${backendFault.name} strikes gateways and NATS of its own: leave --server out`);
  return reduced(plan, { viewer, faults });
}

function newPlan(options: Options): RunPlan {
  const { duration: durationMs, fault: faults, seed = randomInt(0xffff_ffff), server, ...wishes } = options;
  return planFor(newRunName(seed), seed, { ...wishes, durationMs, faults }, server === undefined);
}

function recordedPlan(replay: string, options: Options): RunPlan {
  const decided = decidedByReplay.find((name) => options[name] !== undefined);
  if (decided !== undefined) throw new UsageError(`with --replay, the recorded run decides the ${decided}`);
  try {
    const plan = loadPlan(options.db, replay);
    return { ...plan, run: newRunName(plan.seed) };
  } catch (error) {
    if (error instanceof RecordingError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

/** Begins the names of its rooms, so that no two runs share one. */
function newRunName(seed: number): string {
  return `${new Date().toISOString().replaceAll(/[-:.Z]/g, '')}-${seed}`;
}

function number(flags: string, about: string, parse: (value: string) => number): Option {
  return new Option(flags, about).argParser(parse);
}

function parseNotNegative(value: string): number {
  return Number(value) === 0 && value.trim() !== '' ? 0 : parsePositive(value);
}

function parseClusterSize(value: string): number {
  if (value !== '3' && value !== '5') throw new InvalidArgumentError('A cluster has 3 or 5 servers.');
  return Number(value);
}

function parseGateways(value: string): number {
  if (!/^[1-9]$/.test(value)) throw new InvalidArgumentError('It runs 1 to 9 gateways.');
  return Number(value);
}

function parseSeed(value: string): number {
  const seed = Number(value);
  if (!/^\d+$/.test(value) || seed > 0xffff_ffff)
    throw new InvalidArgumentError('A seed is a whole number from 0 to 4294967295.');
  return seed;
}

/** `half-open` or `half-open=3`, any number of them. */
function parseFault(value: string, previous: Map<FaultName, number> | undefined): Map<FaultName, number> {
  const [name = '', weight = '1'] = value.split('=', 2);
  if (!isFaultName(name)) throw new InvalidArgumentError(`The faults are ${faultNames.join(', ')}.`);
  return new Map(previous).set(name, parsePositive(weight));
}

function faultTable(kind: ReturnType<typeof traitsOf>['kind']): string {
  const names = faultNames.filter((name) => traitsOf(name).kind === kind);
  return table(names.map((name) => [name, traitsOf(name).about]));
}

function table(rows: readonly (readonly [name: string, about: string])[]): string {
  return rows.map(([name, about]) => `  ${name.padEnd(19)} ${about}`).join('\n');
}
