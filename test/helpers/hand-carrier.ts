import assert from 'node:assert/strict';
import type { ClientFrameInput, ServerFrame } from '../../protos/live.ts';
import { decodeClientFrame, decodeServerFrame, liveService } from '../../protos/live.ts';
import { bareFrame } from '../../server/log/frame-prefix.ts';
import type { Carrier, CarrierConnection, CarrierListener } from '../../server/session/carrier.ts';
import type { KnownReason } from '../../protos/reasons.ts';
import type { Failure } from '../../server/session/failure.ts';

/** How a stream was ended by its session. */
export type Ending = 'ok' | 'reset' | 'terminated' | KnownReason;

/** A carrier whose every move is made by hand: what the client sends, and when a frame has been handed over. */
export class HandCarrier implements Carrier {
  readonly transport = 'grpc';
  readonly peer = 'hand';
  connection: CarrierConnection | undefined = {
    proveAlive: (proven) => proven(),
    takeNoMore: () => undefined,
  };
  /** Frames that the session has sent, in order. */
  readonly sent: ServerFrame[] = [];
  ending: Ending | undefined;
  /** Whether the session has asked for the next frame. */
  asked = true;
  #listener: CarrierListener | undefined;
  #busy = false;
  /** Whether frames are handed over as soon as they are sent. */
  flowing = true;

  open(listener: CarrierListener): void {
    this.#listener = listener;
  }

  write(frames: readonly Buffer[]): void {
    assert.ok(!this.#busy, 'two writes in flight');
    assert.equal(this.ending, undefined, 'a frame behind the end');
    this.#busy = true;
    this.sent.push(...frames.map((frame) => decodeServerFrame(bareFrame(frame))));
    if (this.flowing) queueMicrotask(() => this.handOver());
  }

  /** What is in flight, if anything, has been handed over. */
  handOver(): void {
    if (!this.#busy) return;
    this.#busy = false;
    this.#listener?.written();
  }

  /** That came with the stream. */
  token: string | undefined;

  readonly traceParent = undefined;

  takeToken(): string | undefined {
    return this.token;
  }

  read(): void {
    this.asked = true;
  }

  readOn(): void {
    this.read();
  }

  end(): void {
    this.#end('ok');
  }

  refuse({ reason }: Failure): void {
    this.#end(reason);
  }

  reset(): void {
    this.#end('reset');
  }

  terminate(): void {
    this.#end('terminated');
  }

  /** The client sends a frame. */
  receive(frame: ClientFrameInput): void {
    const bytes = liveService.Connect.requestSerialize(frame);
    this.#receive({ kind: 'frame', frame: decodeClientFrame(bytes) });
  }

  /** The client sends what is no frame. */
  receiveGarbage(): void {
    this.#receive({ kind: 'garbage' });
  }

  halfClose(): void {
    this.#listener?.halfClosed();
  }

  /** The stream is gone. */
  close(): void {
    this.#listener?.closed();
    this.#listener = undefined;
  }

  /** The kinds of the frames sent since this was last asked. */
  takeKinds(): (string | undefined)[] {
    return this.sent.splice(0).map(({ frame }) => frame);
  }

  #receive(received: Parameters<CarrierListener['received']>[0]): void {
    assert.ok(this.asked, 'a frame that was not asked for');
    this.asked = false;
    this.#listener?.received(received);
  }

  #end(ending: Ending): void {
    this.ending ??= ending;
  }
}
