import { parseEndpoint } from '../../../client/core/endpoint.ts';
import { LiveClient, LiveError } from '../../../client/index.ts';
import { systemClock } from '../../../common/clock.ts';
import { sleep } from '../../../common/sleep.ts';
import type { Address } from '../../../common/units.ts';
import { parseAddress } from '../../../common/units.ts';
import type { Backend } from './backend.ts';

/** How long a gateway has to show that it is there, in milliseconds. */
const ANSWER_MS = 5_000;

/**
 * Gateways that somebody else runs: nothing behind them can be touched or asked.
 * @param endpoints host:port or ws://host:port each
 * @throws LiveError if none of them answers
 */
export async function connectForeignBackend(endpoints: readonly string[]): Promise<Backend> {
  await assertReachable(endpoints);
  const heartbeats = await Promise.all(endpoints.map(heartbeatOf));
  const known = heartbeats.filter((heartbeatMs) => heartbeatMs !== undefined);
  if (known.length === 0) throw new Error(`no gateway welcomed a viewer within ${ANSWER_MS / 1_000} s`);
  return {
    heartbeatMs: Math.max(...known),
    own: false,
    endpoints,
    gateways: endpoints
      .map((endpoint) => parseAddress(parseEndpoint(endpoint)?.address ?? endpoint))
      .filter((target): target is Address => target !== undefined),
    failed: new Promise(() => undefined),
    apply: ({ name }) => Promise.reject(new Error(`${name} needs gateways of the tool's own`)),
    epoch: () => Promise.resolve(undefined),
    historyReads: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  };
}

async function assertReachable(endpoints: readonly string[]): Promise<void> {
  const client = new LiveClient({ endpoints });
  try {
    await client.room('chaos', { timeoutMs: ANSWER_MS });
  } catch (error) {
    if (!(error instanceof LiveError) || error.reason !== 'ROOM_UNKNOWN') throw error;
  } finally {
    await client.close();
  }
}

/** What a gateway promises viewers; undefined if it does not welcome one in time, and so will not disturb any. */
async function heartbeatOf(endpoint: string): Promise<number | undefined> {
  const client = new LiveClient({ endpoints: [endpoint], clientName: 'chaos' });
  const answered = new AbortController();
  let heartbeatMs: number | undefined;
  client.on('state', (state) => {
    if (state.kind !== 'live') return;
    ({ heartbeatMs } = state);
    answered.abort();
  });
  const subscription = client.join('chaos');
  await sleep(systemClock, ANSWER_MS, answered.signal);
  subscription.leave();
  await client.close();
  return heartbeatMs;
}
