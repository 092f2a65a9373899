import { status } from '@grpc/grpc-js';
import type { Clock, Timer } from '../../common/clock.ts';
import type { Random } from '../../common/random.ts';
import type { HelloInput } from '../../protos/gen/live/v1/Hello.ts';
import type { Reconnect } from '../../protos/gen/live/v1/Reconnect.ts';
import type { Welcome } from '../../protos/gen/live/v1/Welcome.ts';
import { unprefixed } from '../../protos/enum-names.ts';
import type { ClientFrameInput, ServerFrame } from '../../protos/live.ts';
import type { BackoffLimits } from '../../common/backoff.ts';
import { backoffDelay } from '../../common/backoff.ts';
import type { ConnectionState } from './connection-state.ts';
import type { Counters } from './counters.ts';
import type { Endpoints } from './endpoints.ts';
import { LiveError } from './errors.ts';
import type { Link, Transport } from './transport.ts';
import { Watchdog } from './watchdog.ts';

/** What a connection needs to know. Durations are in milliseconds. */
export interface ConnectionSettings {
  readonly endpoints: Endpoints;
  readonly hello: HelloInput;
  readonly backoff: BackoffLimits;
  /** From the beginning of a connection to its Welcome. */
  readonly connectTimeoutMs: number;
  /** Silence is suspicious after `heartbeat_ms * silenceFactor + silenceSlackMs`. */
  readonly silenceFactor: number;
  readonly silenceSlackMs: number;
  readonly probeTimeoutMs: number;
}

/** What a connection tells its owner. */
export interface ConnectionListener {
  /** Frames that travel with Hello: the joins of all rooms. */
  opening(): ClientFrameInput[];
  welcomed(welcome: Welcome): void;
  /** Every frame that is not the connection's own business, and its size before compression, in bytes. */
  frame(frame: ServerFrame, bytes: number): void;
  /** No frame came for `silentMs`, but so many bytes of one, which has `total` if that is known. */
  slow(bytes: number, silentMs: number, total: number | undefined): void;
  /** The link is gone: what was asked over it may or may not have been done. */
  lost(): void;
  stateChanged(state: ConnectionState, previous: ConnectionState): void;
}

/** What a connection is made of. */
export interface ConnectionParts {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
}

/**
 * Keeps one link to one of several gateways: connects, watches for silence, probes, tears down, backs off
 * and connects again, on every end that was not asked for, until `close` or an error that says never to.
 * The state owns the one timer that may run; the watchdog has its own.
 */
export class Connection {
  readonly #settings: ConnectionSettings;
  readonly #parts: ConnectionParts;
  readonly #listener: ConnectionListener;
  #state: ConnectionState;
  #link: Link | undefined;
  #watchdog: Watchdog | undefined;
  #timer: Timer | undefined;
  #generation = 0;
  /** Failures since a connection last gained something. */
  #attempt = 0;
  /** The one in use, or to be tried next. */
  #endpoint: string;
  #welcomedBefore = false;

  constructor(settings: ConnectionSettings, parts: ConnectionParts, listener: ConnectionListener) {
    this.#settings = settings;
    this.#parts = parts;
    this.#listener = listener;
    this.#endpoint = settings.endpoints.pick();
    this.#state = { name: 'idle', since: parts.clock.wallMs() };
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Whether there is a link, on which Hello has been sent. */
  get ready(): boolean {
    return this.#link !== undefined;
  }

  /** Begins to connect, unless that has happened before. */
  start(): void {
    if (this.#state.name === 'idle') this.#connect();
  }

  /** Sends a frame; without effect when there is no link. */
  send(frame: ClientFrameInput): void {
    this.#link?.send(frame);
  }

  /** The connection was of use to the owner: the next failure begins the backoff anew. */
  gained(): void {
    this.#attempt = 0;
    this.#settings.endpoints.worked(this.#endpoint);
  }

  /** Ends the connection for good. */
  close(cause?: LiveError): void {
    if (this.#isClosed()) return;
    this.#drop();
    if (this.#isClosed()) return;
    this.#setState({ name: 'closed', cause, since: this.#now() });
  }

  #connect(): void {
    this.#generation += 1;
    this.#parts.counters.connects += 1;
    const generation = this.#generation;
    const endpoint = this.#endpoint;
    const { connectTimeoutMs, hello } = this.#settings;
    const link = this.#parts.transport.open(endpoint, {
      frame: (frame, bytes) => {
        if (this.#isCurrent(generation)) this.#onFrame(frame, bytes);
      },
      end: (error) => {
        if (this.#isCurrent(generation)) this.#onEnd(error);
      },
    });
    link.send({ hello });
    this.#link = link;
    this.#setState(
      { name: 'connecting', attempt: this.#attempt, endpoint, generation, since: this.#now() },
      this.#parts.clock.after(connectTimeoutMs, () =>
        this.#fail(unavailable(`${endpoint} did not welcome us within ${connectTimeoutMs} ms`)),
      ),
    );
    if (!this.#isCurrent(generation)) return;
    for (const frame of this.#listener.opening()) this.send(frame);
  }

  /** Whoever is told something may close the connection there and then: to be asked after each call that may tell. */
  #isClosed(): boolean {
    return this.#state.name === 'closed';
  }

  #isCurrent(generation: number): boolean {
    return generation === this.#generation && this.#link !== undefined;
  }

  #onFrame(frame: ServerFrame, bytes: number): void {
    this.#parts.counters.framesReceived += 1;
    this.#watchdog?.heard();
    if (frame.welcome) this.#onWelcome(frame.welcome);
    else if (frame.reconnect) this.#onReconnect(frame.reconnect);
    else if (!frame.pong) this.#pass(frame, bytes);
  }

  /** A frame that cannot be understood ends the link, not the process. */
  #pass(frame: ServerFrame, bytes: number): void {
    try {
      this.#listener.frame(frame, bytes);
    } catch (cause) {
      this.#fail(new LiveError(status.INTERNAL, 'the gateway sent a frame that makes no sense', { cause }));
    }
  }

  #onWelcome(welcome: Welcome): void {
    const state = this.#state;
    if (state.name !== 'connecting') return;
    const { endpoint, generation } = state;
    const { session, heartbeatMs } = welcome;
    if (this.#welcomedBefore) this.#parts.counters.reconnects += 1;
    this.#welcomedBefore = true;
    this.#watchdog = this.#newWatchdog(heartbeatMs);
    this.#watchdog.start();
    this.#setState({ name: 'live', endpoint, generation, session, heartbeatMs, since: this.#now() });
    if (this.#isCurrent(generation)) this.#listener.welcomed(welcome);
  }

  #newWatchdog(heartbeatMs: number): Watchdog {
    const { silenceFactor, silenceSlackMs, probeTimeoutMs } = this.#settings;
    const limits = { silenceMs: heartbeatMs * silenceFactor + silenceSlackMs, probeMs: probeTimeoutMs };
    return new Watchdog(this.#parts.clock, limits, {
      bytesReceived: () => this.#link?.bytesReceived ?? 0,
      slow: (bytes, silentMs) => {
        const frame = this.#link?.incoming;
        this.#listener.slow(frame?.bytes ?? bytes, silentMs, frame?.total);
      },
      suspected: (silentMs) => this.#suspect(silentMs),
      cleared: () => this.#clear(),
      expired: (silentMs) => {
        this.#parts.counters.probeFailures += 1;
        this.#fail(unavailable(`nothing received for ${Math.round(silentMs)} ms, probe unanswered`));
      },
    });
  }

  #suspect(silentMs: number): void {
    if (this.#state.name !== 'live') return;
    const { endpoint, generation, session, heartbeatMs } = this.#state;
    this.#parts.counters.probes += 1;
    this.#setState({
      name: 'suspect',
      endpoint,
      generation,
      session,
      heartbeatMs,
      silentMs,
      since: this.#now(),
    });
    this.#link?.send({ ping: { nonce: this.#parts.counters.probes } });
  }

  #clear(): void {
    if (this.#state.name !== 'suspect') return;
    const { endpoint, generation, session, heartbeatMs } = this.#state;
    this.#setState({ name: 'live', endpoint, generation, session, heartbeatMs, since: this.#now() });
  }

  /** The link stays in use until the gateway ends it or the time has come, whichever is first. */
  #onReconnect(reconnect: Reconnect): void {
    if (this.#state.name === 'moving' || !('endpoint' in this.#state)) return;
    const { endpoint, generation } = this.#state;
    const { afterMs } = reconnect;
    const nextEndpoint = this.#settings.endpoints.pickAfter(endpoint, reconnect.endpoint);
    const reason = unprefixed('REASON', reconnect.reason);
    this.#watchdog?.stop();
    this.#setState(
      { name: 'moving', endpoint, generation, afterMs, reason, nextEndpoint, since: this.#now() },
      this.#parts.clock.after(this.#moveDelay(afterMs), () => this.#move(nextEndpoint)),
    );
  }

  /** No penalty for a move, but two without a gain in between are a loop and are slowed down. */
  #moveDelay(afterMs: number): number {
    const penalty = this.#attempt === 0 ? 0 : this.#backoffDelay();
    this.#attempt += 1;
    return Math.max(afterMs, penalty);
  }

  #move(endpoint: string): void {
    this.#drop();
    if (this.#isClosed()) return;
    this.#endpoint = endpoint;
    this.#connect();
  }

  #onEnd(error: LiveError | undefined): void {
    if (this.#state.name === 'moving') this.#drop();
    else this.#fail(error ?? unavailable('the gateway ended the stream'));
  }

  #fail(cause: LiveError): void {
    this.#drop();
    if (this.#isClosed()) return;
    if (!cause.retryable) {
      this.close(cause);
      return;
    }
    const delayMs = this.#backoffDelay();
    this.#attempt += 1;
    const { endpoints } = this.#settings;
    endpoints.failed(this.#endpoint);
    const nextEndpoint = endpoints.pick();
    this.#endpoint = nextEndpoint;
    this.#setState(
      { name: 'backoff', attempt: this.#attempt, delayMs, cause, nextEndpoint, since: this.#now() },
      this.#parts.clock.after(delayMs, () => this.#connect()),
    );
  }

  #drop(): void {
    this.#watchdog?.stop();
    this.#watchdog = undefined;
    const link = this.#link;
    if (link === undefined) return;
    this.#link = undefined;
    link.destroy();
    this.#listener.lost();
  }

  #backoffDelay(): number {
    return backoffDelay(this.#attempt, this.#settings.backoff, this.#parts.random);
  }

  #now(): number {
    return this.#parts.clock.wallMs();
  }

  #setState(next: ConnectionState, timer?: Timer): void {
    this.#timer?.cancel();
    this.#timer = timer;
    const previous = this.#state;
    this.#state = next;
    this.#listener.stateChanged(next, previous);
  }
}

function unavailable(message: string): LiveError {
  return new LiveError(status.UNAVAILABLE, message);
}
