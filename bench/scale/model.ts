import type { Transport } from './constants.ts';
import { NATS, PROCESS, TRANSPORTS } from './constants.ts';

/** What is asked of a deployment. */
export interface Load {
  readonly viewers: number;
  /** The share of them in the largest room; the others are in rooms of `roomViewers`. */
  readonly largestRoom: number;
  readonly roomViewers: number;
  /** Messages a second in each room, those that are stored and those that are not. */
  readonly reliable: number;
  readonly ephemeral: number;
  readonly payloadBytes: number;
  readonly transport: Transport;
}

/** What runs. */
export interface Topology {
  readonly name: string;
  readonly regions: number;
  /** NATS servers of each region. */
  readonly natsServers: number;
  /** Whether each machine of gateways has a leaf node, so that NATS sends a message once to a machine and not to each process. */
  readonly leafNodes: boolean;
}

/** A machine: the same for gateways and NATS. */
export const MACHINE = { cores: 8, processes: 7, bitsPerSecond: 10e9, memoryBytes: 32e9 } as const;
/** The share of anything that is planned with: the rest is for bursts, a lost neighbour and what the model does not know. */
export const HEADROOM = 0.6;
/** A process has no more viewers than come back within this, in seconds, when all of them do at once. */
export const STORM_SECONDS = 10;

const MICRO = 1e-6;

/** A resource, how much of it is used, as a share of what there is. */
export interface Use {
  readonly resource: string;
  readonly share: number;
}

/** What a topology is like under a load. */
export interface Plan {
  readonly machines: number;
  readonly processes: number;
  readonly viewersPerProcess: number;
  /** Bits a second to all viewers. */
  readonly viewersBits: number;
  /** Bits a second from all NATS servers to gateways or leaf nodes. */
  readonly natsBits: number;
  /** Bits a second from the region of the origin to the others. */
  readonly regionBits: number;
  /** Messages a second that NATS hands to connections. */
  readonly natsMessages: number;
  /** Stored messages a second. */
  readonly stored: number;
  /** Seconds until everybody is live again: a machine is lost, all viewers of a process come back at once, a region is lost; undefined: nobody is left to go to. */
  readonly storms: {
    readonly machine: number | undefined;
    readonly process: number;
    readonly region: number | undefined;
  };
  /** What of NATS is used most, and how much. */
  readonly uses: readonly Use[];
}

/** CPU seconds a second of one gateway process. */
export function processCpu(viewers: number, rate: number, transport: Transport): number {
  const { idle, delivery } = TRANSPORTS[transport];
  return viewers * (idle.value + rate * delivery.value) * MICRO;
}

/** Bytes a second that nats-server sends: so many messages, and what `gateways` tell each other by so many connections. */
export const natsBytes = (
  messages: number,
  payloadBytes: number,
  { gateways, connections }: { readonly gateways: number; readonly connections: number },
): number =>
  messages * (payloadBytes + NATS.overhead.value) +
  connections * (NATS.chatter.value + gateways * NATS.news.value);

/** Seconds until `viewers` that come at once to one process are live again. */
export const stormSeconds = (viewers: number, transport: Transport): number =>
  viewers * TRANSPORTS[transport].join.value * MICRO;

/** How many viewers a process may have for each of its bounds, the least first. */
export function processBounds({
  reliable,
  ephemeral,
  transport,
}: Load): { bound: string; viewers: number }[] {
  const { memory } = TRANSPORTS[transport];
  const bytes = (HEADROOM * MACHINE.memoryBytes) / MACHINE.processes - PROCESS.memory.value * 1e6;
  return [
    { bound: 'CPU', viewers: Math.floor(HEADROOM / processCpu(1, reliable + ephemeral, transport)) },
    { bound: 'storm', viewers: Math.floor(STORM_SECONDS / stormSeconds(1, transport)) },
    { bound: 'memory', viewers: Math.floor(bytes / (memory.value * 1e3)) },
  ].sort((a, b) => a.viewers - b.viewers);
}

/** How many viewers a process is given. */
export const viewersPerProcess = (load: Load): number => processBounds(load)[0]?.viewers ?? 0;

/** How many of `places` have a viewer of a room, when viewers choose by chance. */
const reached = (viewers: number, places: number): number => places * (1 - (1 - 1 / places) ** viewers);

/** Computes what a load needs in a topology, and what it uses of NATS. */
export function plan(load: Load, { regions, natsServers, leafNodes }: Topology): Plan {
  const { viewers, payloadBytes, reliable, ephemeral, transport } = load;
  const rate = reliable + ephemeral;
  const processes = Math.max(1, Math.ceil(viewers / viewersPerProcess(load)));
  const machines = Math.ceil(processes / MACHINE.processes);
  const largest = load.largestRoom * viewers;
  const rooms = Math.ceil((viewers - largest) / load.roomViewers);
  const places = leafNodes ? machines : processes;
  const messages = rate * (reached(largest, places) + rooms * reached(load.roomViewers, places));
  const natsMessages = messages + processes * places;
  const stored = reliable * (1 + rooms);
  const viewersBits = 8 * viewers * rate * (payloadBytes + TRANSPORTS[transport].overhead.value);
  const natsBits = 8 * natsBytes(messages, payloadBytes, { gateways: processes, connections: places });
  const servers = regions * natsServers;
  const perProcess = viewers / processes;
  const survivors = processes - MACHINE.processes;
  const moved = regions > 1 ? perProcess / (regions - 1) : undefined;
  return {
    machines,
    processes,
    viewersPerProcess: perProcess,
    viewersBits,
    natsBits,
    regionBits: 8 * (regions - 1) * rate * (1 + rooms) * (payloadBytes + NATS.overhead.value),
    natsMessages,
    stored,
    storms: {
      machine:
        survivors > 0 ? stormSeconds((MACHINE.processes * perProcess) / survivors, transport) : undefined,
      process: stormSeconds(perProcess, transport),
      region: moved === undefined ? undefined : stormSeconds(moved, transport),
    },
    uses: [
      {
        resource: 'CPU of NATS',
        share: (natsMessages * NATS.fanOut.value * MICRO) / (servers * MACHINE.cores * HEADROOM),
      },
      { resource: 'network of NATS', share: natsBits / (servers * MACHINE.bitsPerSecond * HEADROOM) },
      { resource: 'one stream', share: stored / (NATS.stored.value * HEADROOM) },
      { resource: 'network of gateways', share: viewersBits / (machines * MACHINE.bitsPerSecond * HEADROOM) },
    ],
  };
}

/** What is used most. */
export const worst = ({ uses }: Plan): Use => uses.reduce((a, b) => (b.share > a.share ? b : a));

/** With how many viewers a topology breaks, as gateways are added, and by what; undefined: not below a hundred million. */
export function breaks(load: Load, topology: Topology): { viewers: number; resource: string } | undefined {
  for (let viewers = 1_000; viewers <= 1e8; viewers = Math.ceil(viewers * 1.02)) {
    const { resource, share } = worst(plan({ ...load, viewers }, topology));
    if (share > 1) return { viewers, resource };
  }
  return undefined;
}
