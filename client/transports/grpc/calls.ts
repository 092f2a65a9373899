import { setMaxListeners } from 'node:events';
import type { ChannelOptions } from '@grpc/grpc-js';
import { Metadata } from '@grpc/grpc-js';
import type { GetRoomRequestInput } from '../../../protos/gen/live/v1/GetRoomRequest.ts';
import type { GetRoomResponse } from '../../../protos/gen/live/v1/GetRoomResponse.ts';
import type { PullRequestInput } from '../../../protos/gen/live/v1/PullRequest.ts';
import type { PullResponse } from '../../../protos/gen/live/v1/PullResponse.ts';
import { LiveStub } from '../../../protos/live.ts';
import { status } from '../../../protos/status-codes.ts';
import { LiveError } from '../../core/errors.ts';
import type { CallOptions } from '../../core/transport.ts';
import type { Dialling } from './dialling.ts';
import { fromCallError, fromServiceError } from './errors.ts';
import { abortable, abortableTarget } from './internals/dial.ts';

type Stub = InstanceType<typeof LiveStub>;

/**
 * RFC 6750, section 2.1.
 * @throws LiveError TOKEN_INVALID for what cannot be in a header; grpc-js would say so with the whole token in its text
 */
function bearer(token: string | undefined): Metadata {
  const metadata = new Metadata();
  if (token === undefined) return metadata;
  // The line end of the file that it is from does no harm in Hello, and is not to do any here.
  const text = token.trim();
  if (!/^[\x20-\x7e]*$/.test(text)) {
    const advice = 'the token has characters that are in no token';
    throw new LiveError(status.UNAUTHENTICATED, advice, { reason: 'TOKEN_INVALID' });
  }
  metadata.set('authorization', `Bearer ${text}`);
  return metadata;
}

/** Unary calls and streams of answers: each endpoint has one connection for all of them, which stays for the next. */
export class GrpcCalls {
  readonly #dial: (endpoint: string) => Dialling;
  readonly #options: ChannelOptions;
  readonly #stubs = new Map<string, Stub>();
  readonly #closing = new AbortController();

  constructor(dial: (endpoint: string) => Dialling, options: ChannelOptions) {
    this.#dial = dial;
    // Every socket listens to it.
    setMaxListeners(0, this.#closing.signal);
    this.#options = abortable(options, this.#closing.signal);
  }

  /** See `Transport.getRoom`. */
  getRoom(
    endpoint: string,
    request: GetRoomRequestInput,
    { signal, token }: CallOptions,
  ): Promise<GetRoomResponse> {
    return new Promise((resolve, reject) => {
      const call = this.#stub(endpoint).getRoom(request, bearer(token), (error, info) => {
        signal.removeEventListener('abort', cancel);
        if (info) resolve(info);
        else reject(error ? fromServiceError(error) : new LiveError(status.INTERNAL, 'empty answer'));
      });
      const cancel = (): void => call.cancel();
      signal.addEventListener('abort', cancel);
    });
  }

  /** See `Transport.pull`. */
  async *pull(
    endpoint: string,
    request: PullRequestInput,
    { signal, token }: CallOptions,
  ): AsyncGenerator<PullResponse, void, undefined> {
    const call = this.#stub(endpoint).pull(request, bearer(token));
    // A call reports its own cancellation as an error; the iterator has its own listener while it is used.
    call.on('error', () => undefined);
    const cancel = (): void => call.cancel();
    signal.addEventListener('abort', cancel);
    try {
      for await (const part of call) yield part as PullResponse;
    } catch (error) {
      throw fromCallError(error);
    } finally {
      signal.removeEventListener('abort', cancel);
      cancel();
    }
  }

  /** Ends every call and its connection, at once. */
  close(): void {
    this.#closing.abort();
    for (const stub of this.#stubs.values()) stub.close();
    this.#stubs.clear();
  }

  #stub(endpoint: string): Stub {
    const known = this.#stubs.get(endpoint);
    if (known) return known;
    const { address, credentials } = this.#dial(endpoint);
    const stub = new LiveStub(abortableTarget(address), credentials, this.#options);
    this.#stubs.set(endpoint, stub);
    return stub;
  }
}
