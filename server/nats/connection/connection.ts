import type { ConnectionOptions, NatsConnection as NatsClient } from 'nats';
import { connect, Events } from 'nats';
import type { Clock } from '../../../common/clock.ts';
import { sleep } from '../../../common/sleep.ts';
import type { Logger } from '../../observability/logging.ts';
import type { NatsAccess } from '../access/access.ts';
import { checkAccess, provesAnew } from '../access/proof.ts';
import { whyRefused } from './greeting.ts';
import { watchLiveness } from './liveness.ts';
import { explainOutage } from './outage.ts';
import type { ServerError } from './wire.ts';
import './tls-guard.ts';
import { Wire } from './wire.ts';

/** How often the first connection is tried before giving up, in milliseconds. */
const FIRST_CONNECT_MS = 30_000;
const FIRST_RETRY_MS = 500;
/** How long one server may take to accept a connection before the next is tried, in milliseconds. */
const DIAL_MS = { plain: 2_000, tls: 5_000 };
/** The client's own pings cut a slow link, on which their answers wait behind other data: never. In milliseconds. */
const NO_PINGS_MS = 2 ** 31 - 1;

/** After an error of a kind was logged, the next ones are only for those who look closely, in milliseconds. */
const QUIET_MS = 10_000;

const AWAY = 'NATS is away';

/** `silent`: there is a connection, but nothing comes by it, not even the answer to a ping. */
type LinkState = 'alive' | 'silent' | 'lost';

/** A connection to NATS that comes back by itself, and says so. */
export interface NatsConnection {
  readonly nc: NatsClient;
  /** Whether there is a connection now, by which something comes. What is published while there is none would be thrown away. */
  readonly up: boolean;
  /** Bytes received from NATS since the start: as long as it grows, the link is alive, and what was asked for may be on its way. */
  readonly bytesReceived: number;
  /** Calls `listener` whenever `up` changes, until the returned function is called. */
  onChange(listener: (up: boolean) => void): () => void;
  /**
   * Calls `listener` with each error that a NATS server reports by itself, in the order of what comes by the connection, until the
   * returned function is called.
   */
  onError(listener: (error: ServerError) => void): () => void;
  /**
   * Resolves when the server has dealt with everything sent so far, with the errors that it reported for what was sent since
   * the call before.
   * @throws when there is no connection, or it is lost before
   */
  sync(): Promise<readonly ServerError[]>;
  /**
   * Asks something of NATS, but only while there is a connection: without one an answer would be waited for until
   * the request times out.
   * @throws when there is none, or it is lost before the answer has come
   */
  whileUp<T>(ask: (nc: NatsClient) => Promise<T>): Promise<T>;
  /** Resolves when the connection is up; rejects when `signal` is aborted or the connection is closed. */
  whenUp(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/**
 * Connects to NATS.
 * @param heartbeatMs that of viewers, who are told when nothing comes from NATS
 * @throws AccessError when a file with credentials, certificates or keys cannot be used; and when none of the servers takes a connection
 * within half a minute, or all refuse for good: says why, for each
 */
export async function connectNats(
  access: NatsAccess,
  name: string,
  clock: Clock,
  logger: Logger,
  heartbeatMs?: number,
): Promise<NatsConnection> {
  const nc = await connectFirst(access, name, clock, logger);
  const wire = new Wire(nc);
  wire.remember(access.urls);
  let link: LinkState = 'alive';
  const listeners = new Set<(up: boolean) => void>();
  let endOutage: (() => void) | undefined;
  const turn = (next: LinkState): void => {
    const [before, after] = [link === 'alive', next === 'alive'];
    link = next;
    if (next === 'lost') endOutage ??= explainOutage(access, clock, logger);
    else {
      endOutage?.();
      endOutage = undefined;
    }
    if (before !== after) for (const listener of listeners) listener(after);
  };
  void watchStatus(nc, turn, logger);
  wire.onError(logErrors(logger, clock));
  const unwatch = watchLiveness(
    {
      get open() {
        return link !== 'lost';
      },
      get bytesReceived() {
        return wire.bytesReceived;
      },
      get bytesSent() {
        return wire.bytesSent;
      },
      ping: () => void wire.sync().catch(() => undefined),
      silent: (silent) => {
        if (link === 'lost') return;
        logger.warn({ server: nc.getServer() }, silent ? 'nothing comes from NATS' : 'NATS is heard again');
        turn(silent ? 'silent' : 'alive');
      },
      cut: () => wire.cut(),
    },
    clock,
    heartbeatMs,
  );
  const closed = nc.closed().then((error) => {
    unwatch();
    turn('lost');
    endOutage?.();
    if (error instanceof Error) logger.fatal({ err: error }, 'the NATS connection was closed for good');
  });
  const isUp = (): boolean => link === 'alive';
  return {
    nc,
    get up() {
      return isUp();
    },
    get bytesReceived() {
      return wire.bytesReceived;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onError: (listener) => wire.onError(listener),
    sync: () => (isUp() ? wire.sync() : Promise.reject(new Error(AWAY))),
    async whileUp(ask) {
      if (!isUp()) throw new Error(AWAY);
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
        if (isUp()) return resolve();
        const finish = (outcome: () => void): void => {
          listeners.delete(listener);
          signal.removeEventListener('abort', abort);
          outcome();
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
  access: NatsAccess,
  name: string,
  clock: Clock,
  logger: Logger,
): Promise<NatsClient> {
  checkAccess(access);
  const options: ConnectionOptions = {
    servers: [...access.urls],
    name,
    ...tlsOptions(access),
    authenticator: provesAnew(access.credentials, logger),
    pingInterval: NO_PINGS_MS,
    maxReconnectAttempts: -1,
    // An operator who takes the permission away for a moment must not end the connection for good.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    noEcho: false,
    // The client would note a stack with every request, for an error that hardly ever comes: a fifth of what a publish costs.
    noAsyncTraces: true,
  };
  const giveUpMs = clock.monotonicMs() + FIRST_CONNECT_MS;
  let said = '';
  for (;;) {
    try {
      return await connect(options);
    } catch (error) {
      const otherwise = error instanceof Error ? error.message : String(error);
      const { reasons, final } = await whyRefused(access, otherwise, clock);
      if (final || clock.monotonicMs() >= giveUpMs)
        throw new Error(`no connection to NATS: ${reasons.join('; ')}`, { cause: error });
      if (reasons.join() !== said) logger.warn({ reasons }, 'no connection to NATS yet, trying again');
      said = reasons.join();
      await sleep(clock, FIRST_RETRY_MS, new AbortController().signal);
    }
  }
}

/** The client reads the files with every connection; with `tls` it takes none without. */
function tlsOptions({ tls }: NatsAccess): ConnectionOptions {
  if (tls.kind === 'offered') return { timeout: DIAL_MS.plain };
  const { ca, client } = tls.files;
  return {
    timeout: DIAL_MS.tls,
    tls: {
      ...(ca !== undefined && { caFile: ca }),
      ...(client && { certFile: client.cert, keyFile: client.key }),
    },
    // The servers of a cluster are named in the greeting, which comes in the clear. Where every authority of the world is trusted, whoever stands
    // between could name one of their own, which has a certificate.
    ignoreClusterUpdates: ca === undefined,
  };
}

/** Says what servers complain of. What goes on is said now and then: a question that is not permitted is asked again and again. */
function logErrors(logger: Logger, clock: Clock): (error: ServerError) => void {
  const quietUntilMs = new Map<string, number>();
  return ({ code, text }) => {
    const nowMs = clock.monotonicMs();
    const quiet = nowMs < (quietUntilMs.get(code) ?? 0);
    if (!quiet) quietUntilMs.set(code, nowMs + QUIET_MS);
    logger[quiet ? 'debug' : 'warn']({ code, error: text }, 'NATS reports an error');
  };
}

async function watchStatus(nc: NatsClient, turn: (next: LinkState) => void, logger: Logger): Promise<void> {
  for await (const { type, data } of nc.status()) {
    switch (type) {
      case Events.Disconnect:
        logger.warn({ server: data }, 'NATS connection lost');
        turn('lost');
        break;
      case Events.Reconnect:
        logger.info({ server: data }, 'NATS connection is back');
        turn('alive');
        break;
      default:
        logger.debug({ type, data }, 'NATS connection status');
    }
  }
}
