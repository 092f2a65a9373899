import type { LiveError } from '../../client/core/errors.ts';
import type {
  CallOptions,
  IncomingFrame,
  Link,
  LinkHandlers,
  Transport,
} from '../../client/core/transport.ts';
import type { GetRoomRequestInput } from '../../protos/gen/live/v1/GetRoomRequest.ts';
import type { GetRoomResponse } from '../../protos/gen/live/v1/GetRoomResponse.ts';
import type { PullRequestInput } from '../../protos/gen/live/v1/PullRequest.ts';
import type { PullResponse } from '../../protos/gen/live/v1/PullResponse.ts';
import type { ClientFrame, ClientFrameInput, ServerFrameInput } from '../../protos/live.ts';
import { encodeServerFrame, liveService } from '../../protos/live.ts';

/** A link whose other end is the test. */
export class ScriptedLink implements Link {
  readonly endpoint: string;
  /** What the client sent, as a gateway would read it. */
  readonly sent: ClientFrame[] = [];
  destroyed = false;
  bytesReceived = 0;
  incoming: IncomingFrame | undefined;
  readonly wholeFramesOnly: boolean;
  readonly #handlers: LinkHandlers;

  constructor(endpoint: string, handlers: LinkHandlers, wholeFramesOnly: boolean) {
    this.endpoint = endpoint;
    this.#handlers = handlers;
    this.wholeFramesOnly = wholeFramesOnly;
  }

  send(frame: ClientFrameInput): void {
    const bytes = liveService.Connect.requestSerialize(frame);
    this.sent.push(liveService.Connect.requestDeserialize(bytes));
  }

  destroy(): void {
    this.destroyed = true;
  }

  /** Gives frames to the client, as they would come off the wire; also when the link is destroyed. */
  receive(...frames: ServerFrameInput[]): void {
    for (const frame of frames) {
      const bytes = encodeServerFrame(frame);
      this.#handlers.frame(liveService.Connect.responseDeserialize(bytes), bytes.length, bytes.length);
    }
  }

  /** Ends the stream: with OK, or with an error. */
  end(error?: LiveError): void {
    this.#handlers.end(error);
  }

  /** The names of the frames sent, in order. */
  get sentNames(): string[] {
    return this.sent.map(({ frame }) => frame ?? 'none');
  }
}

/** A call whose answers are given by the test, one after the other. */
export class ScriptedCall {
  readonly endpoint: string;
  readonly request: GetRoomRequestInput | PullRequestInput;
  readonly signal: AbortSignal;
  readonly token: string | undefined;
  readonly #answers: Promise<PullResponse | GetRoomResponse>[] = [];
  #asked = 0;
  #settle: ((answer: Promise<PullResponse | GetRoomResponse>) => void) | undefined;

  constructor(endpoint: string, request: ScriptedCall['request'], { signal, token }: CallOptions) {
    this.endpoint = endpoint;
    this.request = request;
    this.signal = signal;
    this.token = token;
  }

  /** Gives the next part of the answer. */
  answer(part: PullResponse | GetRoomResponse): void {
    this.#give(Promise.resolve(part));
  }

  /** Ends the call. */
  fail(error: Error): void {
    const failed = Promise.reject(error);
    failed.catch(() => undefined);
    this.#give(failed);
  }

  /** The next part, for the client. */
  next(): Promise<PullResponse | GetRoomResponse> {
    const given = this.#answers[this.#asked];
    if (given === undefined) return new Promise((resolve) => (this.#settle = resolve));
    this.#asked += 1;
    return given;
  }

  #give(answer: Promise<PullResponse | GetRoomResponse>): void {
    const settle = this.#settle;
    this.#settle = undefined;
    if (settle === undefined) this.#answers.push(answer);
    else settle(answer);
  }
}

/** A transport that only remembers the links and calls it was asked for. */
export class ScriptedTransport implements Transport {
  readonly links: ScriptedLink[] = [];
  readonly calls: ScriptedCall[] = [];
  closed = false;
  /** Of links that are opened from now on. */
  wholeFramesOnly = false;

  open(endpoint: string, handlers: LinkHandlers): Link {
    const link = new ScriptedLink(endpoint, handlers, this.wholeFramesOnly);
    this.links.push(link);
    return link;
  }

  async getRoom(
    endpoint: string,
    request: GetRoomRequestInput,
    options: CallOptions,
  ): Promise<GetRoomResponse> {
    return (await this.#call(endpoint, request, options).next()) as GetRoomResponse;
  }

  async *pull(
    endpoint: string,
    request: PullRequestInput,
    options: CallOptions,
  ): AsyncGenerator<PullResponse> {
    const call = this.#call(endpoint, request, options);
    for (;;) yield (await call.next()) as PullResponse;
  }

  close(): void {
    this.closed = true;
  }

  /** The link opened last. */
  get link(): ScriptedLink {
    return this.links.at(-1)!;
  }

  /** The call made last. */
  get call(): ScriptedCall {
    return this.calls.at(-1)!;
  }

  #call(endpoint: string, request: ScriptedCall['request'], options: CallOptions): ScriptedCall {
    const call = new ScriptedCall(endpoint, request, options);
    this.calls.push(call);
    return call;
  }
}
