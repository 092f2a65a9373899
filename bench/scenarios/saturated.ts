import { ROOM, Stage, SubscribersLost } from '../load/stage.ts';
import type { Flow } from '../load/stage.ts';
import { OTHERS } from '../scenario.ts';
import type { Case, Circumstances, Metric, Numbers, Scenario } from '../scenario.ts';

const FIRST_OFFER = 40_000;
const LAST_OFFER = 8_000_000;
const FACTOR = 1.5;
/** A peer that delivers less than this share of what is offered has fallen behind. */
const KEEPS_UP = 0.9;
/** So many steps in a row must fall behind: some peers do better again when there is more to put into one write. */
const PATIENCE = 2;

/** Metrics of {@link saturate}. */
export const SATURATION_METRICS: readonly Metric[] = [
  { key: 'delivered', title: 'deliveries/s', digits: 0, better: 'more' },
  { key: 'rate', title: 'messages/s offered', digits: 0 },
  { key: 'cpuPerMillion', title: 'CPU s per million', digits: 2, better: 'less' },
  { key: 'p50', title: 'p50 ms', digits: 1 },
  { key: 'p99', title: 'p99 ms', digits: 1 },
  { key: 'lost', title: 'subscribers cut off then', digits: 0 },
  OTHERS,
];

/** Steps with a growing offer, each with what came of it. */
interface Climb {
  readonly stage: Stage;
  readonly viewers: number;
  readonly quick: boolean;
  readonly steps: Flow[];
}

/** One step more; whether it was kept up with. @throws SubscribersLost */
async function keepsUp({ stage, viewers, quick, steps }: Climb, offer: number): Promise<boolean> {
  const timing = quick ? { warmupSeconds: 0.2, seconds: 0.3 } : { warmupSeconds: 0.7, seconds: 1.5 };
  const flow = await stage.flow({ rate: offer / viewers, ...timing });
  steps.push(flow);
  const kept = flow.delivered >= KEEPS_UP * flow.offered;
  // What has piled up is not counted for the next step.
  if (!kept) await stage.deliveredShare();
  return kept;
}

/** @throws SubscribersLost */
async function climb(way: Climb): Promise<void> {
  const { quick, steps } = way;
  let keptUpWith = 0;
  for (let offer = FIRST_OFFER, behind = 0; offer <= LAST_OFFER && behind < PATIENCE; offer *= FACTOR) {
    if (quick && steps.length === 2) break;
    if (await keepsUp(way, offer)) [keptUpWith, behind] = [offer, 0];
    else behind++;
  }
  if (keptUpWith > 0 && !quick) await keepsUp(way, keptUpWith * Math.sqrt(FACTOR));
}

/**
 * Offers more and more until deliveries fall behind, and once more between the last offer that was kept up with and the next;
 * the best step is the result. A peer that cuts subscribers off has had its last step before: how many it cut off is told.
 */
export async function saturate(stage: Stage, viewers: number, quick: boolean): Promise<Numbers> {
  const steps: Flow[] = [];
  let lost = 0;
  try {
    await climb({ stage, viewers, quick, steps });
  } catch (error) {
    if (!(error instanceof SubscribersLost) || steps.length === 0) throw error;
    lost = error.count;
  }
  const best = steps.reduce((a, b) => (b.delivered > a.delivered ? b : a));
  const { offered, ...numbers } = best;
  return { ...numbers, rate: offered / viewers, lost };
}

function fanOut(path: string): Case['run'] {
  return async (circumstances: Circumstances) => {
    const viewers = circumstances.quick ? 50 : 500;
    await using stage = await Stage.set(circumstances, { path });
    await stage.open(viewers);
    return await saturate(stage, viewers, circumstances.quick);
  };
}

export const saturated: Scenario = {
  name: 'saturated',
  question: 'How many deliveries a second at most: one room, 500 viewers, 200 bytes?',
  metrics: SATURATION_METRICS,
  cases: [{ title: '1 × 500', run: fanOut('natural') }],
};

export const throughGateway: Scenario = {
  name: 'through-gateway',
  question: 'The same, published through the gateway instead of by a NATS client.',
  peers: ['live-gateway'],
  metrics: SATURATION_METRICS,
  cases: [{ title: '1 × 500', run: fanOut('gateway') }],
};

const viewersCase = (viewers: number): Case => ({
  title: `1 × ${viewers}`,
  async run(circumstances) {
    const count = circumstances.quick ? viewers / 20 : viewers;
    await using stage = await Stage.set(circumstances);
    await stage.open(count);
    return await saturate(stage, count, circumstances.quick);
  },
});

export const viewers: Scenario = {
  name: 'viewers',
  question: 'Do deliveries a second depend on how many viewers a room has?',
  peers: ['live-gateway'],
  metrics: SATURATION_METRICS,
  cases: [100, 500, 2000, 8000].map(viewersCase),
};

export const smallRoom: Scenario = {
  name: 'small-room',
  question:
    'What is the most in a room of 100, where the way of a message to the server costs as much as its deliveries?',
  peers: ['live-gateway', 'grpc-js', 'node-http2', 'nats-core'],
  metrics: SATURATION_METRICS,
  cases: [viewersCase(100)],
};

const roomsCase = (rooms: number): Case => ({
  title: `${rooms} rooms`,
  async run(circumstances) {
    const { peer, quick } = circumstances;
    const [hot, others] = quick ? [50, Math.floor(rooms / 20)] : [500, rooms - 1];
    await using stage = await Stage.set(circumstances);
    const port = stage.running.subscribePort;
    const quiet = { peer: peer.name, port, room: `${ROOM}-quiet`, count: others, spread: true };
    await stage.subscribers.call('open', { ...quiet, kind: 'live' });
    await stage.open(hot);
    return await saturate(stage, hot, quick);
  },
});

export const rooms: Scenario = {
  name: 'rooms',
  question: 'Do deliveries a second in a room of 500 depend on how many other rooms have a viewer?',
  peers: ['live-gateway'],
  metrics: SATURATION_METRICS,
  cases: [1, 200, 2000].map(roomsCase),
};
