import {
  decodeGetRoomResponse,
  decodePullResponse,
  encodeGetRoomRequest,
  encodePullRequest,
} from '../../../protos/codec/codec.ts';
import type { GetRoomRequestInput } from '../../../protos/gen/live/v1/GetRoomRequest.ts';
import type { GetRoomResponse } from '../../../protos/gen/live/v1/GetRoomResponse.ts';
import type { PullRequestInput } from '../../../protos/gen/live/v1/PullRequest.ts';
import type { PullResponse } from '../../../protos/gen/live/v1/PullResponse.ts';
import { status } from '../../../protos/status-codes.ts';
import { LiveError } from '../../core/errors.ts';
import type { CallOptions } from '../../core/transport.ts';
import { fromEndOfStream, fromHttpError, fromNetwork } from './connect-error.ts';
import { enveloped, envelopes } from './envelopes.ts';
import { partsOfBody, wholeBody } from './response-body.ts';
import type { Network } from './socket.ts';

const UNARY = 'application/proto';
const STREAM = 'application/connect+proto';

/** Flags of an envelope. */
const COMPRESSED = 1;
const END = 2;

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Unary calls and streams of answers by the Connect protocol: https://connectrpc.com/docs/protocol. */
export class ConnectCalls {
  readonly #fetch: Network['fetch'];
  readonly #running = new Set<AbortController>();

  constructor(fetch: Network['fetch']) {
    this.#fetch = fetch;
  }

  /** See `Transport.getRoom`. */
  async getRoom(base: string, request: GetRoomRequestInput, options: CallOptions): Promise<GetRoomResponse> {
    const call = this.#begin(options);
    try {
      const response = await this.#post(
        `${base}/live.v1.Live/GetRoom`,
        UNARY,
        encodeGetRoomRequest(request),
        call,
      );
      return decodeGetRoomResponse(await wholeBody(response));
    } catch (error) {
      throw fromNetwork(error);
    } finally {
      call.end();
    }
  }

  /** See `Transport.pull`. */
  async *pull(
    base: string,
    request: PullRequestInput,
    options: CallOptions,
  ): AsyncGenerator<PullResponse, void, undefined> {
    const call = this.#begin(options);
    try {
      const body = enveloped(encodePullRequest(request));
      const response = await this.#post(`${base}/live.v1.Live/Pull`, STREAM, body, call);
      for await (const { flags, data } of envelopes(partsOfBody(response))) {
        if (flags & COMPRESSED) throw new LiveError(status.INTERNAL, 'a part of the answer is compressed');
        if ((flags & END) === 0) {
          yield decodePullResponse(data);
          continue;
        }
        const error = fromEndOfStream(textOf(data));
        if (error !== undefined) throw error;
        return;
      }
      throw new LiveError(status.UNAVAILABLE, 'the answer broke off');
    } catch (error) {
      throw fromNetwork(error);
    } finally {
      call.end();
    }
  }

  /** Ends every call, at once. */
  close(): void {
    for (const controller of this.#running) controller.abort();
  }

  #begin({ signal, token }: CallOptions): Call {
    return new Call(signal, token, this.#running);
  }

  async #post(url: string, type: string, body: Uint8Array, { signal, token }: Call): Promise<Response> {
    const headers: Record<string, string> = { 'content-type': type, 'connect-protocol-version': '1' };
    if (token !== undefined) headers['authorization'] = `Bearer ${token.trim()}`;
    const response = await this.#fetch(url, {
      method: 'POST',
      headers,
      body: body as Uint8Array<ArrayBuffer>,
      signal,
    });
    if (!response.ok) throw fromHttpError(response.status, textOf(await wholeBody(response)));
    const given = response.headers.get('content-type') ?? '';
    if (given.startsWith(type)) return response;
    throw new LiveError(
      status.UNKNOWN,
      `the answer is ${given || 'of no type'}: what is at ${url} is no gateway`,
    );
  }
}

/** A request that is under way, until it is ended; which also takes it away. */
class Call {
  readonly token: string | undefined;
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal;
  readonly #running: Set<AbortController>;
  readonly #abort = (): void => this.#controller.abort();

  constructor(caller: AbortSignal, token: string | undefined, running: Set<AbortController>) {
    this.token = token;
    this.#caller = caller;
    this.#running = running;
    running.add(this.#controller);
    caller.addEventListener('abort', this.#abort);
    if (caller.aborted) this.#abort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    this.#caller.removeEventListener('abort', this.#abort);
    this.#running.delete(this.#controller);
    this.#abort();
  }
}
