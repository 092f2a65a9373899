import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../../common/clock.ts';
import type { Span } from '../../observability/tracing.ts';
import type { Origin } from '../connections/origins.ts';
import type { Consumer } from '../../session/slow-consumers.ts';
import { HttpConnection } from '../http/connection.ts';
import { Pieces } from '../http/pieces.ts';
import { bearerIn } from '../http/bearer.ts';

/**
 * A request over HTTP/1.1 that is being answered, as far as its end concerns others: whoever does not take its answer is a slow consumer, too.
 */
export class HttpCall implements Consumer {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly origin: Origin;
  /** What is traced of it; undefined: nothing. */
  readonly trace?: Span | undefined;
  /** See {@link Consumer}. */
  blockedSinceMs: number | undefined;
  /** See {@link Consumer}. */
  readonly connection: HttpConnection;
  readonly #clock: Clock;
  readonly #gone = new AbortController();

  constructor(
    {
      request,
      response,
      url,
      origin,
      trace,
    }: Pick<HttpCall, 'request' | 'response' | 'url' | 'origin' | 'trace'>,
    clock: Clock,
  ) {
    this.request = request;
    this.response = response;
    this.url = url;
    this.origin = origin;
    this.trace = trace;
    this.#clock = clock;
    this.connection = new HttpConnection(response);
    response.once('close', () => this.#gone.abort());
  }

  /** Who takes turns with others. */
  get group(): string {
    return this.origin.name;
  }

  /** Aborted when the answer is out, or nobody waits for it any more. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** That came as `authorization: Bearer`. */
  get token(): string | undefined {
    return bearerIn(this.request.headers.authorization);
  }

  /** Writes a part of the answer; resolves when it was handed over, or nobody is there any more to take it. */
  write(part: Buffer): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.blockedSinceMs = undefined;
        this.gone.removeEventListener('abort', done);
        resolve();
      };
      if (this.gone.aborted) return done();
      this.gone.addEventListener('abort', done);
      this.#block();
      new Pieces(this.response, { progressed: () => this.#block(), written: done }).write(part);
    });
  }

  /** Ends the answer, behind what was written. That it is taken is seen to as with all answers. */
  end(rest?: string | Buffer): void {
    this.response.end(rest);
  }

  /** See {@link Consumer}. The connection carries nothing else. */
  reset(): void {
    this.terminate();
  }

  /** See {@link Consumer}. */
  terminate(): void {
    this.connection.terminate();
  }

  #block(): void {
    this.blockedSinceMs = this.#clock.monotonicMs();
  }
}
