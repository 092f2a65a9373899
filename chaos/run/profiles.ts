import type { FaultKind, FaultName, NameOf } from './catalogue.ts';
import { catalogue } from './catalogue.ts';

/** Mean time between faults that a profile says nothing of, in milliseconds. */
const defaultRhythmMs = { each: 5_000, pool: 5_000, backend: 3_000 };

/** Faults that follow one another, chosen by weight. */
export interface Mix<Name extends FaultName = FaultName> {
  /**
   * Mean time between the end of one, with the time to recover, and the next, in milliseconds; it varies by half of
   * that. So from beginning to beginning more time passes: each fault's own is added.
   */
  readonly everyMs: number;
  readonly weights: Readonly<Partial<Record<Name, number>>>;
  /** None comes again before all have come, over all viewers too: weights are then whole numbers. */
  readonly inTurn?: true;
}

/** A named mix of faults. */
export interface Profile {
  readonly about: string;
  /** What affects each viewer by itself. */
  readonly each?: Mix<NameOf<'viewer'>>;
  /** What affects all viewers at the same moment. */
  readonly together?: Mix<NameOf<'viewer'>>;
  /** What affects connections that several viewers share, each by itself. */
  readonly pool?: Mix<NameOf<'pool'>>;
  /** What affects gateways and NATS. */
  readonly backend?: Mix<NameOf<'backend' | 'cluster'>>;
  /** Reliable messages a second over all rooms, unless the user says otherwise. */
  readonly rate?: number;
  /** How many gateways the tool runs, unless the user says otherwise. */
  readonly gateways?: number;
}

export const profiles = {
  'flaky-mobile': {
    about: 'phones on a poor network: short losses of every sort, slow phases, applications put aside',
    each: {
      everyMs: 5_000,
      weights: {
        rst: 2,
        fin: 1,
        'half-open': 3,
        'one-way': 1,
        stall: 3,
        latency: 2,
        bandwidth: 2,
        rebind: 2,
        'app-suspend': 1,
        'slow-reader': 1,
      },
    },
  },
  'train-tunnel': {
    about: 'everybody sits in the same train: all lose the network at once, and all come back at once',
    together: { everyMs: 5_000, weights: { 'half-open': 2, stall: 1 } },
    each: { everyMs: 8_000, weights: { latency: 2, bandwidth: 1 } },
  },
  deploy: {
    about: 'gateways are restarted one after the other, as in a rollout',
    backend: { everyMs: 1_000, weights: { 'gateway-drain': 1 } },
  },
  storm: {
    about: 'all viewers are cut at the same tick, again and again',
    together: { everyMs: 3_000, weights: { rst: 1 } },
  },
  jitter: {
    about: 'every 15 s or so each viewer is offline for about 2 s; 2 messages a second',
    each: { everyMs: 15_000, weights: { rst: 1, 'half-open': 1, stall: 1 } },
    rate: 2,
  },
  everything: {
    about: 'every fault there is, on links and in the backend; those of a cluster with --nats-cluster',
    // Of two, a rolling restart is hardly more than two drains.
    gateways: 3,
    each: {
      everyMs: 8_000,
      inTurn: true,
      weights: {
        rst: 2,
        fin: 1,
        'half-open': 2,
        'one-way': 1,
        stall: 2,
        latency: 1,
        bandwidth: 1,
        rebind: 1,
        'app-suspend': 1,
        'slow-reader': 1,
        'reentrant-publish': 1,
        'dead-endpoint': 1,
      },
    },
    pool: { everyMs: 20_000, weights: { 'stuck-neighbour': 1 } },
    backend: {
      everyMs: 2_500,
      inTurn: true,
      weights: {
        'gateway-kill': 2,
        'gateway-drain': 2,
        'rolling-restart': 1,
        'nats-kill': 2,
        'nats-pause': 2,
        'stream-purge': 1,
        'stream-recreate': 1,
        'stream-remove': 1,
        'stream-restore': 1,
        retention: 1,
        'large-messages': 2,
        'nats-slow': 2,
        'nats-stall': 1,
        'deny-consumers': 1,
        'deny-reads': 1,
        'deny-feed': 1,
        'deny-publish': 1,
        'limit-subscriptions': 1,
        'limit-connections': 1,
        'limit-storage': 1,
        'leader-kill': 2,
        'leader-stepdown': 2,
        partition: 2,
      },
    },
  },
} as const satisfies Readonly<Record<string, Profile>>;

export type ProfileName = keyof typeof profiles;

export const profileNames = Object.keys(profiles) as ProfileName[];

/** A profile whose faults were chosen by the user: those on viewers keep its rhythm, and so do those on pools and of the backend. */
export function withFaults(profile: Profile, weights: ReadonlyMap<FaultName, number>): Profile {
  const chosen = (...kinds: readonly FaultKind[]): Partial<Record<FaultName, number>> =>
    Object.fromEntries([...weights].filter(([name]) => kinds.includes(catalogue[name].kind)));
  const onViewers = {
    everyMs: (profile.each ?? profile.together)?.everyMs ?? defaultRhythmMs.each,
    weights: chosen('viewer'),
  };
  return {
    about: profile.about,
    ...(profile.gateways !== undefined && { gateways: profile.gateways }),
    [profile.each === undefined && profile.together !== undefined ? 'together' : 'each']: onViewers,
    pool: { everyMs: profile.pool?.everyMs ?? defaultRhythmMs.pool, weights: chosen('pool') },
    backend: {
      everyMs: profile.backend?.everyMs ?? defaultRhythmMs.backend,
      weights: chosen('backend', 'cluster'),
    },
  };
}
