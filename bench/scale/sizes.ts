import type { Load, Topology } from './model.ts';

/** The load that docs/scale.md reckons with, but for its viewers. */
export const LOAD: Omit<Load, 'viewers'> = {
  largestRoom: 0.1,
  roomViewers: 1_000,
  reliable: 1,
  ephemeral: 9,
  payloadBytes: 200,
  transport: 'webSocket',
};

export const TOPOLOGIES = {
  single: { name: 'one NATS server', regions: 1, natsServers: 1, leafNodes: false },
  cluster: { name: 'cluster of 3', regions: 1, natsServers: 3, leafNodes: false },
  leaves: { name: 'cluster of 3, leaf node per machine', regions: 1, natsServers: 3, leafNodes: true },
  regions: {
    name: '3 regions, each a cluster of 5 and leaf nodes',
    regions: 3,
    natsServers: 5,
    leafNodes: true,
  },
} as const satisfies Record<string, Topology>;

/** What to run for how many viewers. */
export const SIZES: readonly { readonly viewers: number; readonly topology: Topology }[] = [
  { viewers: 10_000, topology: TOPOLOGIES.single },
  { viewers: 100_000, topology: TOPOLOGIES.cluster },
  { viewers: 1_000_000, topology: TOPOLOGIES.leaves },
  { viewers: 10_000_000, topology: TOPOLOGIES.regions },
];
