import type { Random } from '../../common/random.ts';
import type { PlannedFault, RunPlan, RunTransport } from '../record/recording.ts';
import type { FaultName } from './catalogue.ts';
import { isFaultName, traitsOf } from './catalogue.ts';
import { between, chance, inTurn, pick, shuffled } from './chance.ts';
import type { Mix, Profile } from './profiles.ts';

/** Nothing happens this long after the start, and no fault begins this shortly before the end, in milliseconds. */
const QUIET_MS = 300;

/** What a run is to be like. */
export interface RunOptions extends Omit<RunPlan, 'faults' | 'wanted' | 'isolation' | 'truth'> {
  readonly mix: Profile;
  /** Whether the tool runs gateways and NATS itself, so that backend faults are possible. */
  readonly own: boolean;
}

type Draft = Omit<PlannedFault, 'fault'>;
type Span = Pick<Draft, 'atMs' | 'forMs'>;

/** The names of a run's viewers. */
export function viewerNames(viewers: number): string[] {
  return Array.from({ length: viewers }, (_, index) => `v${index + 1}`);
}

/** The names of a run's rooms; no other run has them. */
export function roomNames({ run, rooms }: Pick<RunPlan, 'run' | 'rooms'>): string[] {
  return Array.from({ length: rooms }, (_, index) => `${run}-${index + 1}`);
}

/** The rooms that the viewer with this index follows: one, and each fourth viewer the next one too. */
export function roomsOf(index: number, rooms: readonly string[]): string[] {
  const count = index % 4 === 3 ? 2 : 1;
  return Array.from(
    { length: Math.min(count, rooms.length) },
    (_, more) => rooms[(index + more) % rooms.length] ?? '',
  );
}

/** Of each so many viewers, the first few reach the gateways by a proxy that puts them on one connection. */
const pooled = { of: 10, first: 3 };

/** Number of the pool that the viewer with this index is in; undefined: it has connections of its own, as everybody has by WebSocket. */
export function poolOf(index: number, transport: RunTransport): number | undefined {
  return transport === 'grpc' ? place(index) : undefined;
}

/** The same, by any transport. */
function place(index: number): number | undefined {
  return index % pooled.of < pooled.first ? Math.floor(index / pooled.of) : undefined;
}

/**
 * The schedule: a pure function of the options. Faults on the same viewer do not overlap, nor do those of the backend; all begin
 * and end within the run's duration, after which everything is healed and everyone may catch up.
 */
export function planRun({ mix, own, ...plan }: RunOptions): RunPlan {
  const viewers = viewerNames(plan.viewers);
  const { seed, durationMs, transport } = plan;
  const together = sequence(mix.together, chance(seed, 'together'), durationMs);
  // The name of a random sequence is part of what a seed means: under another one it would plan other faults.
  const backend = own ? sequence(possible(mix.backend, plan), chance(seed, 'behind'), durationMs) : [];
  const pools = Array.from({ length: own ? Math.ceil(plan.viewers / pooled.of) : 0 }, (_, pool) =>
    sequence(mix.pool, chance(seed, `pool ${pool}`), durationMs, { clearOf: together }),
  );
  const faults = [
    ...backend.map((fault) => ({ ...fault, viewer: undefined })),
    ...viewers.flatMap((viewer, index) => {
      const shared = inTime([...together, ...(pools[poolOf(index, transport) ?? -1] ?? [])]);
      const first = firstOf(mix.each, seed, index);
      const alone = sequence(mix.each, chance(seed, viewer), durationMs, { first, clearOf: shared });
      return [...shared, ...alone].map((fault) => ({ ...fault, viewer }));
    }),
  ];
  const wanted = [mix.each, mix.together, mix.pool, mix.backend].flatMap((one) =>
    Object.keys(one?.weights ?? {}),
  );
  return { ...plan, faults: numbered(faults), wanted: [...new Set(wanted)] };
}

/** What a failing run is reduced to; absent: everything. */
export interface Reduction {
  readonly viewer?: string | undefined;
  /** Names of faults, or numbers of single ones. */
  readonly faults?: readonly string[] | undefined;
}

/** A part of a plan. Faults keep their numbers, and with them what the plan leaves open. */
export function reducePlan(plan: RunPlan, { viewer: only, faults: chosen }: Reduction): RunPlan {
  // The whole is to tell also of what it was to have and has not.
  if (only === undefined && chosen === undefined) return plan;
  const isChosen = ({ name, fault }: PlannedFault): boolean =>
    chosen === undefined || chosen.includes(name) || chosen.includes(String(fault));
  const faults = plan.faults.filter(
    (fault) =>
      (only === undefined || fault.viewer === undefined || fault.viewer === only) &&
      (isChosen(fault) ||
        (isShared(fault) && plan.faults.some((other) => isSame(fault, other) && isChosen(other)))),
  );
  const wanted = plan.wanted?.filter((name) => faults.some((fault) => fault.name === name));
  return { ...plan, faults, ...(wanted && { wanted }), ...(only !== undefined && { onlyViewer: only }) };
}

/** Whether a fault affects several viewers because they share a connection. */
const isShared = ({ name }: PlannedFault): boolean => isFaultName(name) && traitsOf(name).kind === 'pool';

/** Whether two faults that viewers share are one. */
const isSame = (one: PlannedFault, other: PlannedFault): boolean =>
  one.name === other.name && one.atMs === other.atMs;

/** Viewers begin with different ones of a mix in turn, so that a short run with many has all. */
function firstOf<Name extends FaultName>(
  mix: Mix<Name> | undefined,
  seed: number,
  viewer: number,
): Name | undefined {
  if (!mix?.inTurn) return undefined;
  const names = shuffled(chance(seed, 'firsts'), Object.keys(mix.weights) as Name[]);
  // What affects a pool may come before it: those with connections of their own have all between them.
  const before = pooled.first * (Math.floor(viewer / pooled.of) + 1);
  return names[(place(viewer) === undefined ? viewer - before : viewer) % names.length];
}

/** What a sequence of faults heeds. */
interface Order<Name extends FaultName> {
  /** The one that comes first of all, of a mix in turn. */
  readonly first?: Name | undefined;
  /** Faults that it lets pass first, in order of time. */
  readonly clearOf?: readonly Span[];
}

/** One after the other, at intervals that vary by half of the mean. */
function sequence<Name extends FaultName>(
  mix: Mix<Name> | undefined,
  random: Random,
  durationMs: number,
  { first, clearOf: others = [] }: Order<Name> = {},
): Omit<Draft, 'viewer'>[] {
  const faults: Omit<Draft, 'viewer'>[] = [];
  if (mix === undefined) return faults;
  const turns = mix.inTurn ? inTurn(random, mix.weights, first) : undefined;
  // The first one comes anywhere in the first interval, so that viewers are out of step.
  let atMs = QUIET_MS + Math.round(random() * Math.min(mix.everyMs, durationMs / 2));
  while (atMs < durationMs - QUIET_MS) {
    const name = turns === undefined ? pick(random, mix.weights) : turns.next().value;
    if (name === undefined) break;
    const { forMs: range, recoveryMs = 0 } = traitsOf(name);
    const wholeMs = between(random, ...range);
    atMs = clearOf(others, atMs, wholeMs);
    if (atMs >= durationMs - QUIET_MS) break;
    const forMs = Math.min(wholeMs, durationMs - atMs);
    faults.push({ name, atMs, forMs });
    atMs += forMs + recoveryMs + Math.round(mix.everyMs * (0.5 + random()));
  }
  return faults;
}

/** Without a cluster its faults are impossible. */
function possible(mix: Mix | undefined, { natsCluster = 1 }: Pick<RunPlan, 'natsCluster'>): Mix | undefined {
  if (mix === undefined || natsCluster > 1) return mix;
  const weights = Object.entries(mix.weights).filter(
    ([name]) => traitsOf(name as FaultName).kind !== 'cluster',
  );
  return { ...mix, weights: Object.fromEntries(weights) };
}

/** The first time from `atMs` on at which a fault of this length meets none of the others, which are in order. */
function clearOf(others: readonly Span[], atMs: number, forMs: number): number {
  let clearMs = atMs;
  for (const other of others) {
    if (overlap({ atMs: clearMs, forMs }, other)) clearMs = other.atMs + other.forMs + 1;
  }
  return clearMs;
}

function overlap(one: Span, other: Span): boolean {
  return one.atMs <= other.atMs + other.forMs && other.atMs <= one.atMs + one.forMs;
}

function numbered(faults: readonly Draft[]): PlannedFault[] {
  return inTime(faults).map((fault, number) => ({ fault: number, ...fault }));
}

function inTime<T extends Span>(faults: readonly T[]): T[] {
  return [...faults].sort((one, other) => one.atMs - other.atMs);
}
