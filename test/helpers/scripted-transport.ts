import type { LiveError } from '../../client/core/errors.ts';
import type { IncomingFrame } from '../../client/transports/grpc/incoming-frame.ts';
import type { Link, LinkHandlers, Transport } from '../../client/core/transport.ts';
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
  readonly #handlers: LinkHandlers;

  constructor(endpoint: string, handlers: LinkHandlers) {
    this.endpoint = endpoint;
    this.#handlers = handlers;
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
      this.#handlers.frame(liveService.Connect.responseDeserialize(bytes), bytes.length);
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

/** A transport that only remembers the links it was asked for. */
export class ScriptedTransport implements Transport {
  readonly links: ScriptedLink[] = [];

  open(endpoint: string, handlers: LinkHandlers): Link {
    const link = new ScriptedLink(endpoint, handlers);
    this.links.push(link);
    return link;
  }

  /** The link opened last. */
  get link(): ScriptedLink {
    return this.links.at(-1)!;
  }
}
