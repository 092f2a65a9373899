/** What a fault affects, and what it needs. */
export type FaultKind =
  /** One viewer's link or device. */
  | 'viewer'
  /** The connection that several viewers share; possible only where the tool runs the gateways itself. */
  | 'pool'
  /** What all viewers depend on: possible only where the tool runs gateways and NATS itself. */
  | 'backend'
  /** The same, and there has to be a NATS cluster. */
  | 'cluster';

/** What the schedule has to know of a fault. */
export interface FaultTraits {
  readonly kind: FaultKind;
  /** Shortest and longest duration, in milliseconds. What happens in a moment has 0. */
  readonly forMs: readonly [min: number, max: number];
  /** How long it takes about until what was hit works again; the next backend fault waits for that. Default 0. */
  readonly recoveryMs?: number;
  readonly about: string;
}

/** Every fault there is, by name. */
export const catalogue = {
  rst: { kind: 'viewer', forMs: [0, 2_500], about: 'connections are reset, new ones too while it lasts' },
  fin: { kind: 'viewer', forMs: [0, 2_500], about: 'connections are ended in order, new ones too' },
  'half-open': { kind: 'viewer', forMs: [200, 4_000], about: 'bytes vanish in both directions, unannounced' },
  'one-way': { kind: 'viewer', forMs: [200, 4_000], about: 'bytes vanish in one direction, unannounced' },
  stall: { kind: 'viewer', forMs: [200, 3_000], about: 'bytes are held back, then released' },
  latency: { kind: 'viewer', forMs: [1_000, 5_000], about: '20 to 400 ms more each way, with jitter' },
  bandwidth: { kind: 'viewer', forMs: [1_000, 5_000], about: '4 to 64 KB a second' },
  'slow-reader': {
    kind: 'viewer',
    forMs: [1_000, 5_000],
    about: 'the application takes its time over events',
  },
  rebind: { kind: 'viewer', forMs: [0, 0], about: 'the client has a new source port mid-stream' },
  'app-suspend': { kind: 'viewer', forMs: [500, 5_000], about: 'timers and reads of the viewer stop' },
  'reentrant-publish': {
    kind: 'viewer',
    forMs: [1_000, 5_000],
    about: 'the application publishes answers from within its loop over messages',
  },
  'dead-endpoint': {
    kind: 'viewer',
    forMs: [1_000, 5_000],
    about: 'connections are reset, and one of the endpoints to choose from is dead',
  },
  'stuck-neighbour': {
    kind: 'pool',
    // Long enough for the gateway to notice.
    forMs: [6_000, 6_000],
    about: 'a viewer on the same connection reads nothing, until it is cut off',
  },
  'gateway-kill': {
    kind: 'backend',
    forMs: [0, 0],
    recoveryMs: 1_000,
    about: 'SIGKILL to a gateway, which is started again',
  },
  'gateway-drain': {
    kind: 'backend',
    forMs: [0, 0],
    recoveryMs: 2_200,
    about: 'SIGTERM to a gateway, which is started again',
  },
  'rolling-restart': {
    kind: 'backend',
    forMs: [0, 0],
    recoveryMs: 6_600,
    about: 'SIGTERM to each gateway in turn, once the one before serves again',
  },
  'nats-kill': {
    kind: 'backend',
    forMs: [0, 1_500],
    recoveryMs: 500,
    about: 'SIGKILL to a nats-server; then it runs again',
  },
  'nats-pause': { kind: 'backend', forMs: [500, 3_000], about: 'SIGSTOP to a nats-server, then SIGCONT' },
  'stream-purge': { kind: 'backend', forMs: [0, 0], about: 'all messages held are removed' },
  'stream-recreate': { kind: 'backend', forMs: [0, 0], about: 'the stream is deleted and created again' },
  'stream-remove': {
    kind: 'backend',
    forMs: [2_000, 6_000],
    recoveryMs: 500,
    about: 'the stream is deleted; later it is created again',
  },
  'stream-restore': {
    kind: 'backend',
    forMs: [2_000, 6_000],
    recoveryMs: 500,
    about: 'the stream is deleted; later a backup is restored',
  },
  retention: {
    kind: 'backend',
    forMs: [1_000, 4_000],
    about: 'the stream holds so little that cursors are overtaken',
  },
  'large-messages': {
    kind: 'backend',
    forMs: [500, 2_000],
    about: 'messages of the size that gateways, and NATS, take at most',
  },
  'nats-slow': {
    kind: 'backend',
    forMs: [3_000, 8_000],
    about: 'gateways reach NATS at 50 to 400 KB a second, late',
  },
  'nats-stall': {
    kind: 'backend',
    forMs: [2_000, 6_000],
    about: "nothing passes on the gateways' links to NATS",
  },
  'deny-consumers': {
    kind: 'backend',
    forMs: [3_000, 6_000],
    about: 'gateways may create no consumers, so not read history',
  },
  'deny-reads': {
    kind: 'backend',
    forMs: [3_000, 6_000],
    about: 'gateways may not ask for the end of a room',
  },
  'deny-feed': { kind: 'backend', forMs: [3_000, 6_000], about: 'gateways may not listen to what is stored' },
  'deny-publish': { kind: 'backend', forMs: [3_000, 6_000], about: 'gateways may store nothing' },
  'limit-subscriptions': {
    kind: 'backend',
    forMs: [2_000, 5_000],
    recoveryMs: 500,
    about: 'gateways connect again and get too few subscriptions',
  },
  'limit-connections': {
    kind: 'backend',
    forMs: [2_000, 5_000],
    recoveryMs: 500,
    about: 'a nats-server takes no more connections',
  },
  'limit-storage': { kind: 'backend', forMs: [3_000, 6_000], about: 'JetStream has no space for messages' },
  'leader-kill': {
    kind: 'cluster',
    forMs: [500, 2_000],
    recoveryMs: 6_000,
    about: "SIGKILL to the stream's leader; then it runs again",
  },
  'leader-stepdown': { kind: 'cluster', forMs: [0, 0], about: "the stream's leader gives up its office" },
  partition: {
    kind: 'cluster',
    forMs: [2_000, 5_000],
    recoveryMs: 4_000,
    about: 'one nats-server cannot reach the others',
  },
} as const satisfies Readonly<Record<string, FaultTraits>>;

export type FaultName = keyof typeof catalogue;

export const faultNames = Object.keys(catalogue) as FaultName[];

/** Names of the faults of some kinds. */
export type NameOf<Kind extends FaultKind> = {
  [Name in FaultName]: (typeof catalogue)[Name]['kind'] extends Kind ? Name : never;
}[FaultName];

export function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(catalogue, name);
}

export function traitsOf(name: FaultName): FaultTraits {
  return catalogue[name];
}

/** Whether a fault is of a kind. */
export function isOfKind<Kind extends FaultKind>(name: FaultName, kind: Kind): name is NameOf<Kind> {
  return catalogue[name].kind === kind;
}
