import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { LiveError } from '../../client/core/errors.ts';
import type { Link, LinkHandlers, Transport } from '../../client/core/transport.ts';
import { receiveFrame } from '../../client/transports/grpc/receive-frame.ts';
import type { ClientFrameInput } from '../../protos/live.ts';
import { decodeClientFrame, liveService } from '../../protos/live.ts';
import { bareFrame } from '../../server/log/frame-prefix.ts';
import type { Carrier, CarrierConnection, CarrierListener } from '../../server/session/carrier.ts';
import type { Failure } from '../../server/session/failure.ts';
import type { Session } from '../../server/session/session.ts';
import type { CoreGateway } from './core-gateway.ts';

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
  goAway(): void {
    this.#link?.session.goAway({ afterMs: 0, reason: 'DRAINING', endpoint: undefined });
  }

  getRoom(): never {
    throw new Error('there are no calls in memory');
  }

  pull(): never {
    throw new Error('there are no calls in memory');
  }

  close(): void {
    // It outlives the viewer's processes.
  }

  /** Ends every connection, those that the path has forgotten included. */
  cutAll(): void {
    for (const link of this.#links) link.cut();
  }

  get #link(): MemoryLink | undefined {
    return this.#links.at(-1);
  }
}

/** - `forgotten`: each end believes that it is open; `over`: neither does. */
type State = 'open' | 'forgotten' | 'over';

/** One connection with one stream on it, both ends. */
class MemoryLink implements Link {
  readonly session: Session;
  readonly #handlers: LinkHandlers;
  readonly #flowing: () => boolean;
  readonly #carrier: MemoryCarrier;
  #state: State = 'open';
  /** Sent by the client, and not asked for yet by the gateway. */
  readonly #sent: Buffer[] = [];
  /** Frames that the gateway has asked for. */
  #asked = 1;
  /** What the gateway has written and the client has not read. */
  #inFlight: readonly Buffer[] | undefined;

  constructor(gateway: CoreGateway, handlers: LinkHandlers, flowing: () => boolean) {
    this.#handlers = handlers;
    this.#flowing = flowing;
    this.#carrier = new MemoryCarrier({
      write: (frames) => this.#carry(frames),
      read: () => {
        this.#asked++;
        this.#deliverSent();
      },
      over: (end) => this.#over(end),
    });
    this.session = gateway.sessions.open(this.#carrier);
  }

  /** Frames come whole. */
  readonly bytesReceived = 0;
  readonly incoming = undefined;

  send(frame: ClientFrameInput): void {
    this.#sent.push(liveService.Connect.requestSerialize(frame));
    this.#deliverSent();
  }

  destroy(): void {
    if (this.#state === 'open') queueMicrotask(() => this.#carrier.close());
    if (this.#state !== 'forgotten') this.#state = 'over';
  }

  forget(): void {
    if (this.#state === 'open') this.#state = 'forgotten';
  }

  cut(): void {
    this.#carrier.close();
    this.#over({ kind: 'destroyed' });
    this.#state = 'over';
  }

  /** Gives what is in flight to the client if nothing is in the way. */
  pump(): void {
    if (this.#flowing()) this.pass();
  }

  /** Gives what is in flight to the client, whatever the path is like. */
  pass(): void {
    const frames = this.#inFlight;
    if (frames === undefined || this.#state !== 'open') return;
    this.#inFlight = undefined;
    queueMicrotask(() => {
      for (const frame of frames) this.#give(frame);
      if (this.#state === 'open') this.#carrier.listener?.written();
    });
  }

  #give(bytes: Buffer): void {
    if (this.#state !== 'open') return;
    const { frame, bytes: size, receivedBytes } = receiveFrame(bareFrame(bytes));
    this.#handlers.frame(frame, size, receivedBytes);
  }

  #deliverSent(): void {
    queueMicrotask(() => {
      if (this.#state !== 'open' || this.#asked === 0) return;
      const bytes = this.#sent.shift();
      if (bytes === undefined) return;
      this.#asked--;
      this.#carrier.listener?.received({ kind: 'frame', frame: decodeClientFrame(bytes) });
    });
  }

  #carry(frames: readonly Buffer[]): void {
    assert.ok(this.#inFlight === undefined, 'two writes in flight');
    this.#inFlight = frames;
    this.pump();
  }

  #over(end: End): void {
    if (this.#state !== 'open') return;
    this.#state = 'over';
    this.#handlers.end(errorOf(end));
  }
}

/** How a stream has ended. */
type End =
  | { readonly kind: 'ok' }
  | { readonly kind: 'refused'; readonly failure: Failure }
  | { readonly kind: 'destroyed' };

function errorOf(end: End): LiveError | undefined {
  switch (end.kind) {
    case 'ok':
      return undefined;
    case 'refused':
      assert.notEqual(end.failure.reason, 'INTERNAL_ERROR', end.failure.cause as Error);
      return new LiveError(end.failure.code, end.failure.message, { reason: end.failure.reason });
    case 'destroyed':
      return new LiveError(status.UNAVAILABLE, 'connection reset');
  }
}

/** What a carrier's frames are carried by. */
interface Wire {
  write(frames: readonly Buffer[]): void;
  read(): void;
  over(end: End): void;
}

/** The gateway's end of a link. */
class MemoryCarrier implements Carrier {
  readonly transport = 'grpc';
  readonly peer = 'memory';
  readonly connection: CarrierConnection = { proveAlive: (proven) => proven(), takeNoMore: () => undefined };
  readonly #wire: Wire;
  #closed = false;
  listener: CarrierListener | undefined;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  open(listener: CarrierListener): void {
    this.listener = listener;
  }

  write(frames: readonly Buffer[]): void {
    if (!this.#closed) this.#wire.write(frames);
  }

  readonly traceParent = undefined;

  takeToken(): undefined {
    return undefined;
  }

  read(): void {
    this.#wire.read();
  }

  readOn(): void {
    this.read();
  }

  end(): void {
    this.#end({ kind: 'ok' });
  }

  refuse(failure: Failure): void {
    this.#end({ kind: 'refused', failure });
  }

  reset(): void {
    this.#end({ kind: 'destroyed' });
  }

  terminate(): void {
    this.#end({ kind: 'destroyed' });
  }

  /** The stream is gone, by whichever side. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.listener?.closed();
  }

  #end(end: End): void {
    this.#wire.over(end);
    queueMicrotask(() => this.close());
  }
}
