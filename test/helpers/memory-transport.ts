import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { LiveError } from '../../client/core/errors.ts';
import { receiveFrame } from '../../client/core/receive-frame.ts';
import type { Link, LinkHandlers, Transport } from '../../client/core/transport.ts';
import type { ClientFrameInput } from '../../protos/live.ts';
import { decodeClientFrame, liveService } from '../../protos/live.ts';
import { bareFrame } from '../../server/log/frame-prefix.ts';
import type { CoreGateway } from './core-gateway.ts';
import type { Wire } from './memory-session.ts';
import { MemorySession } from './memory-session.ts';

/**
 * One viewer's network: joins its client to gateways in memory, with the bytes that would be on the wire. What is on its
 * way is one frame at most, and it moves when the test lets it.
 */
export class MemoryTransport implements Transport {
  readonly #gateways: ReadonlyMap<string, CoreGateway>;
  #path: 'flowing' | 'stalled' = 'flowing';
  readonly #links: MemoryLink[] = [];

  constructor(gateways: ReadonlyMap<string, CoreGateway>) {
    this.#gateways = gateways;
  }

  open(endpoint: string, handlers: LinkHandlers): Link {
    const gateway = this.#gateways.get(endpoint);
    assert.ok(gateway, `no gateway at ${endpoint}`);
    const link = new MemoryLink(gateway, handlers, () => this.#path === 'flowing');
    this.#links.push(link);
    return link;
  }

  /** Nothing comes from the gateway until {@link flow}; it is pushed back. */
  stall(): void {
    this.#path = 'stalled';
  }

  /** Lets one frame through while stalled. */
  step(): void {
    this.#link?.pass();
  }

  flow(): void {
    this.#path = 'flowing';
    this.#link?.pump();
  }

  /** The path forgets the connection there is: nothing comes through any more, and nobody is told. */
  forget(): void {
    this.#link?.forget();
  }

  /** Resets the connection there is. */
  cut(): void {
    this.#link?.cut();
  }

  /** The gateway asks the viewer to move to another one. */
  dismiss(): void {
    this.#link?.session.dismiss();
  }

  /** Ends every connection, those that the path has forgotten included. */
  close(): void {
    for (const link of this.#links) link.cut();
  }

  get #link(): MemoryLink | undefined {
    return this.#links.at(-1);
  }
}

/** - `forgotten`: each end believes that it is open; `over`: neither does. */
type State = 'open' | 'forgotten' | 'over';

/** One connection with one stream on it, both ends. */
class MemoryLink implements Link, Wire {
  readonly session: MemorySession;
  readonly #handlers: LinkHandlers;
  readonly #flowing: () => boolean;
  #state: State = 'open';
  /** What the gateway has written and the client has not read. */
  #inFlight: { readonly frame: Buffer; readonly written: () => void } | undefined;

  constructor(gateway: CoreGateway, handlers: LinkHandlers, flowing: () => boolean) {
    this.#handlers = handlers;
    this.#flowing = flowing;
    this.session = new MemorySession(gateway, this);
  }

  /** Frames come whole. */
  readonly bytesReceived = 0;
  readonly incoming = undefined;

  send(frame: ClientFrameInput): void {
    const bytes = liveService.Connect.requestSerialize(frame);
    queueMicrotask(() => {
      if (this.#state === 'open') this.session.receive(decodeClientFrame(bytes));
    });
  }

  destroy(): void {
    if (this.#state === 'open') queueMicrotask(() => this.session.finish());
    if (this.#state !== 'forgotten') this.#state = 'over';
  }

  carry(frame: Buffer, written: () => void): void {
    assert.ok(this.#inFlight === undefined, 'two frames in flight');
    this.#inFlight = { frame, written };
    this.pump();
  }

  over(how: 'ended' | 'destroyed'): void {
    if (this.#state === 'open') {
      this.#state = 'over';
      this.#handlers.end(how === 'ended' ? undefined : new LiveError(status.UNAVAILABLE, 'connection reset'));
    }
  }

  forget(): void {
    if (this.#state === 'open') this.#state = 'forgotten';
  }

  cut(): void {
    this.session.finish();
    this.over('destroyed');
    this.#state = 'over';
  }

  /** Gives what is in flight to the client if nothing is in the way. */
  pump(): void {
    if (this.#flowing()) this.pass();
  }

  /** Gives what is in flight to the client, whatever the path is like. */
  pass(): void {
    if (this.#inFlight === undefined || this.#state !== 'open') return;
    const { frame, written } = this.#inFlight;
    this.#inFlight = undefined;
    queueMicrotask(() => {
      if (this.#state !== 'open') return;
      const received = receiveFrame(bareFrame(frame));
      this.#handlers.frame(received.frame, received.bytes);
      written();
    });
  }
}
