import type { Timer } from '../../common/clock.ts';
import { unprefixed } from '../../protos/enum-names.ts';
import type { ClientFrameInput } from '../../protos/gen/live/v1/ClientFrame.ts';
import type { Reconnect } from '../../protos/gen/live/v1/Reconnect.ts';
import type { ServerFrame } from '../../protos/gen/live/v1/ServerFrame.ts';
import type { Welcome } from '../../protos/gen/live/v1/Welcome.ts';
import { status } from '../../protos/status-codes.ts';
import type { ConnectionDependencies, ConnectionListener, ConnectionSettings } from './connection-seams.ts';
import type { ConnectionState } from './connection-state.ts';
import { LiveError, tokenIsSpent } from './errors.ts';
import type { Link } from './transport.ts';
import { Watchdog } from './watchdog.ts';

/**
 * Where a large frame on a slow link cannot be told from a dead link, a probe may take twice as long after each that stayed unanswered, up to this, in milliseconds: what
 * is too large for the first try comes with a later one.
 */
const LONGEST_PATIENCE_MS = 120_000;

/**
 * Keeps one link to one of several gateways: connects, watches for silence, probes, tears down, backs off
 * and connects again, on every end that was not asked for, until `close` or an error that says never to.
 * The state owns the one timer that may run; the watchdog has its own.
 */
export class Connection {
  readonly #settings: ConnectionSettings;
  readonly #dependencies: ConnectionDependencies;
  readonly #listener: ConnectionListener;
  #state: ConnectionState;
  #link: Link | undefined;
  #watchdog: Watchdog | undefined;
  #timer: Timer | undefined;
  #generation = 0;
  #welcomedBefore = false;
  /** Probes that stayed unanswered since the connection was last of use. */
  #unanswered = 0;

  constructor(
    settings: ConnectionSettings,
    dependencies: ConnectionDependencies,
    listener: ConnectionListener,
  ) {
    this.#settings = settings;
    this.#dependencies = dependencies;
    this.#listener = listener;
    this.#state = { kind: 'idle', since: dependencies.clock.wallMs() };
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
    if (this.#state.kind === 'idle') this.#connect();
  }

  /** Sends a frame; without effect when there is no link. */
  send(frame: ClientFrameInput): void {
    this.#link?.send(frame);
  }

  /** The connection was of use to the owner: the next failure begins the backoff anew. */
  gained(): void {
    this.#unanswered = 0;
    this.#dependencies.route.gained();
  }

  /** Finds out now whether the link works, and tries now to have one where there is none. An answer may take `timeoutMs`, or what patience makes of that. */
  probe(timeoutMs = this.#settings.probeTimeoutMs): void {
    const { kind, since } = this.#state;
    if (kind === 'live' || kind === 'suspect') this.#watchdog?.probe(this.#patience(timeoutMs));
    else if (kind === 'backoff') this.#connect();
    // The way that it goes may be no more.
    else if (kind === 'connecting' && this.#now() - since >= timeoutMs) this.#again();
  }

  /** Ends the connection for good. */
  close(cause?: LiveError): void {
    if (this.#isClosed()) return;
    this.#drop();
    if (this.#isClosed()) return;
    this.#setState({ kind: 'closed', cause, since: this.#now() });
  }

  #connect(): void {
    this.#generation += 1;
    this.#dependencies.counters.connects += 1;
    const generation = this.#generation;
    const { endpoint, attempt } = this.#dependencies.route;
    const { connectTimeoutMs } = this.#settings;
    this.#setState(
      { kind: 'connecting', attempt, endpoint, generation, since: this.#now() },
      this.#dependencies.clock.after(connectTimeoutMs, () =>
        this.#fail(unavailable(`${endpoint} did not welcome us within ${connectTimeoutMs} ms`)),
      ),
    );
    if (!this.#isWaiting(generation)) return;
    const token = this.#dependencies.tokens.get();
    if (typeof token !== 'object') return this.#open(endpoint, generation, token);
    token.then(
      (now) => this.#isWaiting(generation) && this.#open(endpoint, generation, now),
      (error: unknown) => this.#isWaiting(generation) && this.#fail(error as LiveError),
    );
  }

  #open(endpoint: string, generation: number, token: string | undefined): void {
    const { hello } = this.#settings;
    const link = this.#dependencies.transport.open(endpoint, {
      frame: (frame, bytes, receivedBytes) => {
        if (!this.#isCurrent(generation)) return;
        this.#dependencies.counters.bytesReceived += receivedBytes;
        this.#onFrame(frame, bytes);
      },
      end: (error) => {
        if (this.#isCurrent(generation)) this.#onEnd(error);
      },
    });
    link.send({ hello: { ...hello, token: token ?? '' } });
    this.#link = link;
    for (const frame of this.#listener.opening()) this.send(frame);
  }

  /** Whoever is told something may close the connection there and then: to be asked after each call that may tell. */
  #isClosed(): boolean {
    return this.#state.kind === 'closed';
  }

  /** Whether an attempt to connect goes on that has no link yet. */
  #isWaiting(generation: number): boolean {
    return generation === this.#generation && this.#state.kind === 'connecting' && this.#link === undefined;
  }

  #isCurrent(generation: number): boolean {
    return generation === this.#generation && this.#link !== undefined;
  }

  #onFrame(frame: ServerFrame, bytes: number): void {
    this.#dependencies.counters.framesReceived += 1;
    this.#watchdog?.heard();
    if (frame.welcome) this.#onWelcome(frame.welcome);
    else if (frame.reconnect) this.#onReconnect(frame.reconnect);
    else if (frame.tokenExpiring?.room === '') this.#renew();
    else if (!frame.pong && !frame.tokenRenewed) this.#pass(frame, bytes);
  }

  #renew(): void {
    const { tokens, logger } = this.#dependencies;
    const generation = this.#generation;
    tokens.renew(logger, (token) => {
      if (this.#isCurrent(generation)) this.send({ renew: { token } });
    });
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
    if (state.kind !== 'connecting') return;
    const { endpoint, generation } = state;
    const { session, heartbeatMs } = welcome;
    if (this.#welcomedBefore) this.#dependencies.counters.reconnects += 1;
    this.#welcomedBefore = true;
    this.#watchdog = this.#newWatchdog(heartbeatMs);
    this.#watchdog.start();
    this.#setState({ kind: 'live', endpoint, generation, session, heartbeatMs, since: this.#now() });
    if (this.#isCurrent(generation)) this.#listener.welcomed(welcome);
  }

  #newWatchdog(heartbeatMs: number): Watchdog {
    const { silenceFactor, silenceSlackMs, probeTimeoutMs } = this.#settings;
    const silenceMs = heartbeatMs * silenceFactor + silenceSlackMs;
    const limits = { silenceMs, probeMs: this.#patience(probeTimeoutMs) };
    return new Watchdog(this.#dependencies.clock, limits, {
      bytesReceived: () => this.#link?.bytesReceived ?? 0,
      slow: (bytes, silentMs) => {
        const frame = this.#link?.incoming;
        this.#listener.slow(frame?.bytes ?? bytes, silentMs, frame?.total);
      },
      suspected: (silentMs) => this.#suspect(silentMs),
      cleared: () => this.#clear(),
      expired: (silentMs) => {
        this.#unanswered += 1;
        this.#dependencies.counters.probeFailures += 1;
        this.#fail(unavailable(`nothing received for ${Math.round(silentMs)} ms, probe unanswered`));
      },
    });
  }

  /** How long a probe may take that would be answered within `probeMs` on a link that shows all that comes. */
  #patience(probeMs: number): number {
    if (!this.#link?.wholeFramesOnly) return probeMs;
    return Math.min(probeMs * 2 ** this.#unanswered, Math.max(probeMs, LONGEST_PATIENCE_MS));
  }

  #suspect(silentMs: number): void {
    if (this.#state.kind !== 'live') return;
    const { endpoint, generation, session, heartbeatMs } = this.#state;
    this.#dependencies.counters.probes += 1;
    this.#setState({
      kind: 'suspect',
      endpoint,
      generation,
      session,
      heartbeatMs,
      silentMs,
      since: this.#now(),
    });
    this.#link?.send({ ping: { nonce: this.#dependencies.counters.probes } });
  }

  #clear(): void {
    if (this.#state.kind !== 'suspect') return;
    const { endpoint, generation, session, heartbeatMs } = this.#state;
    this.#setState({ kind: 'live', endpoint, generation, session, heartbeatMs, since: this.#now() });
  }

  /** The link stays in use until the gateway ends it or the time has come, whichever is first. */
  #onReconnect(reconnect: Reconnect): void {
    if (this.#state.kind === 'moving' || !('endpoint' in this.#state)) return;
    const { endpoint, generation } = this.#state;
    const { afterMs } = reconnect;
    const next = this.#dependencies.route.sentAway(reconnect.endpoint, afterMs);
    const reason = unprefixed('REASON', reconnect.reason);
    this.#watchdog?.stop();
    this.#setState(
      {
        kind: 'moving',
        endpoint,
        generation,
        afterMs,
        reason,
        nextEndpoint: next.endpoint,
        since: this.#now(),
      },
      this.#dependencies.clock.after(next.delayMs, () => this.#move(next.endpoint)),
    );
  }

  #move(endpoint: string): void {
    this.#dependencies.route.goTo(endpoint);
    this.#again();
  }

  #again(): void {
    this.#drop();
    if (!this.#isClosed()) this.#connect();
  }

  #onEnd(error: LiveError | undefined): void {
    if (this.#state.kind === 'moving') this.#drop();
    else this.#fail(error ?? unavailable('the gateway ended the stream'));
  }

  #fail(cause: LiveError): void {
    // One that was waited for in vain is asked for anew.
    const spent = tokenIsSpent(cause);
    const forgets = spent || this.#isWaiting(this.#generation);
    const final = forgets && !this.#dependencies.tokens.forget() && spent;
    this.#drop();
    if (this.#isClosed()) return;
    if (final || !cause.retryable) {
      this.close(cause);
      return;
    }
    const { attempt, delayMs, endpoint } = this.#dependencies.route.failed();
    this.#setState(
      { kind: 'backoff', attempt, delayMs, cause, nextEndpoint: endpoint, since: this.#now() },
      this.#dependencies.clock.after(delayMs, () => this.#connect()),
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

  #now(): number {
    return this.#dependencies.clock.wallMs();
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
