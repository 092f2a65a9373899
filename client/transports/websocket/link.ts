import { encodeClientFrame } from '../../../protos/codec/codec.ts';
import type { ClientFrameInput } from '../../../protos/gen/live/v1/ClientFrame.ts';
import { status } from '../../../protos/status-codes.ts';
import { LiveError } from '../../core/errors.ts';
import type { Link, LinkHandlers } from '../../core/transport.ts';
import { fromClose } from './close-error.ts';
import { Receiver } from './receiver.ts';
import type { Network, Socket } from './socket.ts';

/** The sub-protocol: each binary message is a ClientFrame or a ServerFrame. */
const SUB_PROTOCOL = 'live.v1';

/** One Connect stream as one WebSocket. */
export class WebSocketLink implements Link {
  readonly #handlers: LinkHandlers;
  readonly #receiver: Receiver;
  readonly #socket: Socket;
  /** `connecting`: `#unsent` goes when it is open. `ended`: the stream is over and its owner knows. */
  #state: 'connecting' | 'open' | 'ended' | 'destroyed' = 'connecting';
  #unsent: Uint8Array[] = [];

  constructor(network: Network, url: string, handlers: LinkHandlers) {
    this.#handlers = handlers;
    this.#receiver = new Receiver(
      (bytes, limit) => network.inflate(bytes, limit),
      (frame, bytes, receivedBytes) => {
        if (this.#state === 'open') handlers.frame(frame, bytes, receivedBytes);
      },
      (cause) => this.#end(notUnderstood(cause)),
    );
    this.#socket = network.connect(url, SUB_PROTOCOL, {
      open: () => this.#onOpen(),
      message: (data) => {
        if (this.#state === 'open') this.#receiver.receive(data);
      },
      close: (code, reason) => this.#onClose(fromClose(code, reason)),
    });
  }

  send(frame: ClientFrameInput): void {
    if (this.#state === 'open') this.#socket.send(encodeClientFrame(frame));
    else if (this.#state === 'connecting') this.#unsent.push(encodeClientFrame(frame));
  }

  get bytesReceived(): number {
    return this.#socket.bytesReceived;
  }

  /** A WebSocket tells nothing of a message before it is complete. */
  get incoming(): undefined {
    return undefined;
  }

  get wholeFramesOnly(): boolean {
    return this.#socket.wholeMessagesOnly;
  }

  destroy(): void {
    if (this.#state === 'destroyed') return;
    this.#state = 'destroyed';
    this.#unsent = [];
    this.#socket.destroy();
  }

  #onOpen(): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'open';
    for (const bytes of this.#unsent.splice(0)) this.#socket.send(bytes);
  }

  #onClose(error: LiveError | undefined): void {
    const { delivered } = this.#receiver;
    if (delivered === undefined) this.#end(error);
    else void delivered.then(() => this.#onClose(error));
  }

  #end(error: LiveError | undefined): void {
    if (this.#state === 'ended' || this.#state === 'destroyed') return;
    this.#state = 'ended';
    this.#handlers.end(error);
  }
}

function notUnderstood(cause: unknown): LiveError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new LiveError(status.INTERNAL, `the gateway sent what is no frame: ${detail}`, { cause });
}
