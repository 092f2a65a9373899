import type { ConnectionOptions, NatsConnection } from 'nats';
import { connect, Events } from 'nats';
import type { Clock } from '../../common/clock.ts';
import { sleep } from '../../common/sleep.ts';
import type { Logger } from '../ops/logging.ts';

/** How often the first connection is tried before giving up, in milliseconds. */
const FIRST_CONNECT_MS = 30_000;
const FIRST_RETRY_MS = 500;

/** A connection to NATS that comes back by itself, and says so. */
export interface Upline {
  readonly nc: NatsConnection;
  /** Whether there is a connection now. What is published while there is none would be thrown away. */
  readonly up: boolean;
  /** Calls `listener` whenever `up` changes, until the returned function is called. */
  onChange(listener: (up: boolean) => void): () => void;
  /**
   * Asks something of NATS, but only while there is a connection: without one an answer would be waited for until
   * the request times out.
   * @throws when there is none, or it is lost before the answer has come
   */
  whileUp<T>(ask: (nc: NatsConnection) => Promise<T>): Promise<T>;
  /** Resolves when the connection is up; rejects when `signal` is aborted or the connection is closed. */
  whenUp(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/**
 * Connects to NATS.
 * @throws when none of the servers can be reached within half a minute, or one refuses
 */
export async function connectUpline(
  urls: readonly string[],
  name: string,
  clock: Clock,
  logger: Logger,
): Promise<Upline> {
  const nc = await connectFirst(urls, name, clock, logger);
  let up = true;
  const listeners = new Set<(up: boolean) => void>();
  const turn = (next: boolean): void => {
    if (up === next) return;
    up = next;
    for (const listener of listeners) listener(next);
  };
  void watchStatus(nc, turn, logger);
  const closed = nc.closed().then((error) => {
    turn(false);
    if (error instanceof Error) logger.fatal({ err: error }, 'the NATS connection was closed for good');
  });
  return {
    nc,
    get up() {
      return up;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async whileUp(ask) {
      if (!up) throw new Error('NATS is away');
      return new Promise((resolve, reject) => {
        const listener = (): void => reject(new Error('the NATS connection was lost before the answer'));
        listeners.add(listener);
        ask(nc)
          .then(resolve, reject)
          .finally(() => listeners.delete(listener));
      });
    },
    whenUp(signal) {
      return new Promise((resolve, reject) => {
        if (up) return resolve();
        const finish = (settle: () => void): void => {
          listeners.delete(listener);
          signal.removeEventListener('abort', abort);
          settle();
        };
        const listener = (now: boolean): void => {
          if (now) finish(resolve);
        };
        const abort = (): void => finish(() => reject(signal.reason as Error));
        if (signal.aborted) return reject(signal.reason as Error);
        listeners.add(listener);
        signal.addEventListener('abort', abort);
      });
    },
    async close() {
      await nc.close();
      await closed;
    },
  };
}

async function connectFirst(
  urls: readonly string[],
  name: string,
  clock: Clock,
  logger: Logger,
): Promise<NatsConnection> {
  const options: ConnectionOptions = {
    servers: [...urls],
    name,
    // A dead peer is noticed after two missed pings.
    pingInterval: 5_000,
    maxPingOut: 2,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    noEcho: false,
    // The client would note a stack with every request, for an error that hardly ever comes: a fifth of what a publish costs.
    noAsyncTraces: true,
  };
  const giveUpMs = clock.monotonicMs() + FIRST_CONNECT_MS;
  for (;;) {
    try {
      return await connect(options);
    } catch (error) {
      if (clock.monotonicMs() >= giveUpMs) {
        throw new Error(`no NATS server answers at ${urls.join(', ')}: check --nats, or start the server`, {
          cause: error,
        });
      }
      logger.warn({ err: error, urls }, 'NATS does not answer yet, trying again');
      await sleep(clock, FIRST_RETRY_MS, new AbortController().signal);
    }
  }
}

async function watchStatus(nc: NatsConnection, turn: (up: boolean) => void, logger: Logger): Promise<void> {
  for await (const { type, data } of nc.status()) {
    switch (type) {
      case Events.Disconnect:
        logger.warn({ server: data }, 'NATS connection lost');
        turn(false);
        break;
      case Events.Reconnect:
        logger.info({ server: data }, 'NATS connection is back');
        turn(true);
        break;
      case Events.Error:
        logger.warn({ error: data }, 'NATS reports an error');
        break;
      default:
        logger.debug({ type, data }, 'NATS connection status');
    }
  }
}
