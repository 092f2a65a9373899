import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '../../common/random.ts';
import { gatewayNamed } from '../peers/gateways.ts';
import { LiveViewer } from '../wire/live-viewer.ts';
import { serve } from './worker.ts';

const OPENING = 100;
const RETRY_MS = 20;
const POLL_MS = 50;

/** Viewers of the gateway that resume. */
export interface Resumers {
  /** The peer by whose transport they come. */
  readonly peer: string;
  readonly port: number;
  readonly room: string;
  readonly count: number;
}

/** A network that fails every viewer from time to time. */
export interface Weather {
  readonly seed: number;
  readonly seconds: number;
  /** A viewer is cut after a time between these, in seconds. */
  readonly online: readonly [number, number];
  readonly offlineSeconds: number;
}

/** What all viewers have got. */
export interface Resumed {
  /** Times from the first attempt to connect until everything missed had arrived, ascending, in milliseconds. */
  readonly latencies: Float64Array;
  readonly received: number;
  /** Messages that did not follow the one before. */
  readonly breaks: number;
}

let viewers: LiveViewer[] = [];

/** Connects again and again until it has caught up; resolves with how long that took, in milliseconds. */
async function resume(viewer: LiveViewer): Promise<number> {
  const startMs = performance.now();
  for (;;) {
    const caughtUp = await viewer.connect().then(
      () => true,
      () => false,
    );
    if (caughtUp) return performance.now() - startMs;
    await delay(RETRY_MS);
  }
}

function summary(latencies: readonly number[]): Resumed {
  let [received, breaks] = [0, 0];
  for (const viewer of viewers) {
    received += viewer.received;
    breaks += viewer.breaks;
  }
  return { latencies: Float64Array.from(latencies).sort(), received, breaks };
}

async function flap(
  viewer: LiveViewer,
  weather: Weather,
  random: () => number,
  untilMs: number,
): Promise<number[]> {
  const latencies: number[] = [];
  const [least, most] = weather.online;
  for (;;) {
    const cutMs = performance.now() + (least + random() * (most - least)) * 1000;
    // The last cut leaves time to resume.
    if (cutMs + weather.offlineSeconds * 1000 > untilMs) return latencies;
    await delay(cutMs - performance.now());
    viewer.drop();
    await delay(weather.offlineSeconds * 1000);
    latencies.push(await resume(viewer));
  }
}

const resumerMethods = {
  /** Resolves when all have joined. */
  async open({ peer, port, room, count }: Resumers): Promise<void> {
    const { transport } = gatewayNamed(peer);
    if (transport === undefined) throw new Error(`viewers of ${peer} cannot resume`);
    const waiting = Array.from({ length: count }, () => new LiveViewer(transport, port, room));
    viewers = [...waiting];
    const openSome = async (): Promise<void> => {
      for (let viewer = waiting.pop(); viewer !== undefined; viewer = waiting.pop()) await resume(viewer);
    };
    await Promise.all(Array.from({ length: OPENING }, openSome));
  },
  /** All at once. */
  async resumeAll(): Promise<Resumed> {
    return summary(await Promise.all(viewers.map(resume)));
  },
  async flapAll(weather: Weather): Promise<number[]> {
    const random = seededRandom(weather.seed);
    const untilMs = performance.now() + weather.seconds * 1000;
    const all = await Promise.all(viewers.map((viewer) => flap(viewer, weather, random, untilMs)));
    return all.flat();
  },
  /** Waits until each has received `messages`, at most `patienceMs`. */
  async awaitMessages({
    messages,
    patienceMs,
  }: {
    readonly messages: number;
    readonly patienceMs: number;
  }): Promise<Resumed> {
    const giveUpMs = performance.now() + patienceMs;
    while (viewers.some(({ received }) => received < messages) && performance.now() < giveUpMs)
      await delay(POLL_MS);
    return summary([]);
  },
};

/** What the resumers' process can be asked. */
export type ResumerMethods = typeof resumerMethods;

serve(resumerMethods);
