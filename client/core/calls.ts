import type { Clock } from '../../common/clock.ts';
import { unlessAborted } from '../../common/unless-aborted.ts';
import type { GetRoomResponse } from '../../protos/gen/live/v1/GetRoomResponse.ts';
import type { PullRequestInput } from '../../protos/gen/live/v1/PullRequest.ts';
import type { PullResponse } from '../../protos/gen/live/v1/PullResponse.ts';
import { status } from '../../protos/status-codes.ts';
import type { Endpoints } from './endpoints.ts';
import { LiveError, clientClosed, tokenIsSpent } from './errors.ts';
import type { Logger } from './logger.ts';
import type { Tokens } from './tokens.ts';
import type { CallOptions, Transport } from './transport.ts';

/** Statuses after which another endpoint may do better. */
const elsewhere: ReadonlySet<number> = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]);

/** What calls are made with. */
export interface CallsDependencies {
  readonly transport: Transport;
  readonly endpoints: Endpoints;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tokens: Tokens;
}

/** How long a call may take, and what gives it up. */
export interface CallLimits {
  /** How long an endpoint may take for each part of its answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Gives the call up at once: it fails with the signal's reason. */
  readonly signal: AbortSignal | undefined;
}

/**
 * The calls that need no Connect stream, on connections of their own. Every endpoint is tried once, beginning
 * with the one that last answered.
 */
export class Calls {
  readonly #dependencies: CallsDependencies;
  readonly #running = new Set<Attempt>();
  /** The one that last answered. */
  #preferred: string | undefined;
  #state: 'open' | 'closed' = 'open';

  constructor(dependencies: CallsDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Describes a room.
   * @throws LiveError of the last endpoint tried; or the signal's reason
   */
  room(room: string, limits: CallLimits): Promise<GetRoomResponse> {
    const { transport } = this.#dependencies;
    return this.#firstAvailable(limits, async (endpoint, attempt) => {
      const info = await attempt.answer(transport.getRoom(endpoint, { room }, attempt));
      attempt.end();
      return info;
    });
  }

  /**
   * Reads a range of reliable messages.
   * @throws LiveError when the gateway refuses, is silent for too long, or the client is closed; or the signal's reason
   */
  async *pull(request: PullRequestInput, limits: CallLimits): AsyncGenerator<PullResponse, void, undefined> {
    const { transport } = this.#dependencies;
    const { attempt, parts, first } = await this.#firstAvailable(limits, async (endpoint, attempt) => {
      const parts = transport.pull(endpoint, request, attempt)[Symbol.asyncIterator]();
      return { attempt, parts, first: await attempt.answer(parts.next()) };
    });
    try {
      for (let part = first; !part.done; part = await attempt.answer(parts.next())) yield part.value;
    } finally {
      attempt.end();
    }
  }

  /** Ends every call, at once. */
  close(): void {
    this.#state = 'closed';
    for (const attempt of this.#running) attempt.end(clientClosed());
  }

  async #firstAvailable<T>(
    limits: CallLimits,
    call: (endpoint: string, attempt: Attempt) => Promise<T>,
  ): Promise<T> {
    const { endpoints, logger, tokens } = this.#dependencies;
    let last: unknown;
    let renewed = false;
    const order = this.#inOrder();
    for (let endpoint = order.shift(); endpoint !== undefined; endpoint = order.shift()) {
      this.#assertGoingOn(limits);
      const attempt = new Attempt(this.#dependencies.clock, limits, this.#running);
      attempt.token = await this.#token(attempt, limits);
      try {
        const result = await call(endpoint, attempt);
        endpoints.worked(endpoint);
        this.#preferred = endpoint;
        return result;
      } catch (error) {
        attempt.end();
        this.#assertGoingOn(limits);
        if (!renewed && error instanceof LiveError && tokenIsSpent(error) && tokens.forget(attempt.token)) {
          renewed = true;
          order.unshift(endpoint);
          continue;
        }
        if (!(error instanceof LiveError) || !elsewhere.has(error.code)) throw error;
        last = error;
        endpoints.failed(endpoint);
        if (this.#preferred === endpoint) this.#preferred = undefined;
        logger.warn('a call failed', { endpoint, cause: error });
      }
    }
    throw last;
  }

  /** Where it fails no endpoint is to blame, and none would do better. */
  async #token(attempt: Attempt, limits: CallLimits): Promise<string | undefined> {
    const { tokens } = this.#dependencies;
    try {
      return await attempt.answer(Promise.resolve(tokens.get()));
    } catch (error) {
      attempt.end();
      this.#assertGoingOn(limits);
      // One that was waited for in vain is asked for anew.
      tokens.forget();
      throw error;
    }
  }

  #inOrder(): string[] {
    const all = this.#dependencies.endpoints.inOrder();
    const preferred = this.#preferred;
    return preferred === undefined ? all : [preferred, ...all.filter((endpoint) => endpoint !== preferred)];
  }

  /** What a call ends with that was taken away says nothing of why. */
  #assertGoingOn({ signal }: CallLimits): void {
    if (this.#state === 'closed') throw clientClosed();
    signal?.throwIfAborted();
  }
}

/** One call to one endpoint, until it is ended: by its outcome, by time, by the caller, or with the client. */
class Attempt implements CallOptions {
  readonly #clock: Clock;
  readonly #limits: CallLimits;
  readonly #running: Set<Attempt>;
  readonly #ending = new AbortController();
  readonly #giveUp = (): void => this.end(this.#limits.signal?.reason);

  /** @param running holds all that have not ended */
  constructor(clock: Clock, limits: CallLimits, running: Set<Attempt>) {
    this.#clock = clock;
    this.#limits = limits;
    this.#running = running;
    running.add(this);
    limits.signal?.addEventListener('abort', this.#giveUp);
  }

  /** See {@link CallOptions}. */
  token: string | undefined;

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** The next part of the answer. @throws LiveError DEADLINE_EXCEEDED if it takes too long; or what the attempt is ended with */
  async answer<T>(part: Promise<T>): Promise<T> {
    const { timeoutMs } = this.#limits;
    const timer = this.#clock.after(timeoutMs, () =>
      this.end(new LiveError(status.DEADLINE_EXCEEDED, `no answer within ${timeoutMs} ms`)),
    );
    try {
      return await unlessAborted(this.signal, part);
    } finally {
      timer.cancel();
    }
  }

  /** Cancels what is under way, which fails with `reason`. Repeating it does nothing. */
  end(reason?: unknown): void {
    this.#running.delete(this);
    this.#limits.signal?.removeEventListener('abort', this.#giveUp);
    this.#ending.abort(reason);
  }
}
