import { setMaxListeners } from 'node:events';
import type { ChannelCredentials, ChannelOptions, ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import type { PullRequestInput } from '../../../protos/gen/live/v1/PullRequest.ts';
import type { PullResponse } from '../../../protos/gen/live/v1/PullResponse.ts';
import type { GetRoomResponse } from '../../../protos/gen/live/v1/GetRoomResponse.ts';
import { LiveStub } from '../../../protos/live.ts';
import { abortable, abortableTarget } from './dial.ts';
import type { Endpoints } from '../../core/endpoints.ts';
import { LiveError, clientClosed, fromCallError, fromServiceError } from '../../core/errors.ts';

type Stub = InstanceType<typeof LiveStub>;

/** Statuses after which another endpoint may do better. */
const elsewhere: ReadonlySet<number> = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]);

/**
 * The calls that need no Connect stream, on connections of their own. Every endpoint is tried once, beginning
 * with the one that last answered.
 */
export class UnaryCalls {
  readonly #endpoints: Endpoints;
  readonly #credentials: ChannelCredentials;
  readonly #options: ChannelOptions;
  readonly #stubs = new Map<string, Stub>();
  readonly #closing = new AbortController();
  /** The one that last answered. */
  #preferred: string | undefined;

  constructor(endpoints: Endpoints, credentials: ChannelCredentials, options: ChannelOptions) {
    this.#endpoints = endpoints;
    this.#credentials = credentials;
    // Every socket listens to it.
    setMaxListeners(0, this.#closing.signal);
    this.#options = abortable(options, this.#closing.signal);
  }

  /**
   * Describes a room.
   * @param timeoutMs how long each endpoint may take.
   * @throws LiveError of the last endpoint tried.
   */
  room(room: string, timeoutMs: number): Promise<GetRoomResponse> {
    return this.#firstAvailable(
      (stub) =>
        new Promise<GetRoomResponse>((resolve, reject) => {
          const deadline = Date.now() + timeoutMs;
          stub.getRoom({ room }, { deadline }, (error: ServiceError | null, info?: GetRoomResponse) => {
            if (info) resolve(info);
            else reject(error ? fromServiceError(error) : new LiveError(status.INTERNAL, 'empty answer'));
          });
        }),
    );
  }

  /**
   * Reads a range of reliable messages.
   * @param timeoutMs how long an endpoint may take for each part of its answer.
   * @throws LiveError when the gateway refuses, is silent for too long, or the client is closed.
   */
  async *pull(request: PullRequestInput, timeoutMs: number): AsyncGenerator<PullResponse, void, undefined> {
    const { call, parts, first } = await this.#firstAvailable(async (stub) => {
      const opened = openPull(stub, request);
      try {
        return { ...opened, first: await nextPart(opened.call, opened.parts, timeoutMs) };
      } catch (error) {
        opened.call.cancel();
        throw error;
      }
    });
    try {
      for (let part = first; !part.done; part = await this.#orClosed(nextPart(call, parts, timeoutMs))) {
        yield part.value;
      }
    } finally {
      call.cancel();
    }
  }

  /** Ends every call and its connection, at once. */
  close(): void {
    this.#closing.abort();
    for (const stub of this.#stubs.values()) stub.close();
    this.#stubs.clear();
  }

  async #firstAvailable<T>(attempt: (stub: Stub) => Promise<T>): Promise<T> {
    let last: unknown;
    for (const endpoint of this.#inOrder()) {
      this.#assertOpen();
      try {
        const result = await this.#orClosed(attempt(this.#stub(endpoint)));
        this.#endpoints.worked(endpoint);
        this.#preferred = endpoint;
        return result;
      } catch (error) {
        last = error;
        if (!(error instanceof LiveError) || !elsewhere.has(error.code)) throw error;
        this.#endpoints.failed(endpoint);
        if (this.#preferred === endpoint) this.#preferred = undefined;
      }
    }
    throw last;
  }

  #inOrder(): string[] {
    const all = this.#endpoints.inOrder();
    const preferred = this.#preferred;
    return preferred === undefined ? all : [preferred, ...all.filter((endpoint) => endpoint !== preferred)];
  }

  /** What a call ends with whose connection was taken away says nothing of why. */
  async #orClosed<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      this.#assertOpen();
      throw error;
    }
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw clientClosed();
  }

  #stub(endpoint: string): Stub {
    const known = this.#stubs.get(endpoint);
    if (known) return known;
    const stub = new LiveStub(abortableTarget(endpoint), this.#credentials, this.#options);
    this.#stubs.set(endpoint, stub);
    return stub;
  }
}
type Parts = AsyncIterator<PullResponse, undefined>;

function openPull(
  stub: Stub,
  request: PullRequestInput,
): { call: ClientReadableStream<PullResponse>; parts: Parts } {
  const call = stub.pull(request);
  // A call reports its own cancellation as an error; the iterator has its own listener while it is used.
  call.on('error', () => undefined);
  return { call, parts: call[Symbol.asyncIterator]() as Parts };
}

/** The next part, unless the gateway is silent for too long: then the call is cancelled. */
async function nextPart(
  call: ClientReadableStream<PullResponse>,
  parts: Parts,
  timeoutMs: number,
): Promise<IteratorResult<PullResponse, undefined>> {
  const silence = new LiveError(status.DEADLINE_EXCEEDED, `no answer within ${timeoutMs} ms`);
  const timer = setTimeout(() => call.destroy(silence), timeoutMs);
  try {
    return await parts.next();
  } catch (error) {
    throw fromCallError(error);
  } finally {
    clearTimeout(timer);
  }
}
