import { randomUUID } from 'node:crypto';
import type { ClientFrameInput } from '../../protos/live.ts';
import { liveService } from '../../protos/live.ts';
import { Http2Call } from './http2.ts';
import type { Receiver, ReceiverContext } from './receiver.ts';
import { tokenOf } from './token.ts';

/** The gateway's method that viewers hold open. */
const CONNECT_PATH = '/live.v1.Live/Connect';

/** What a call begins with, and what becomes of its answers. */
export interface LiveCallOptions {
  readonly features?: readonly 'FEATURE_DEFLATE'[];
  /** Behind Hello; absent: it joins no room. */
  readonly join?: ClientFrameInput['join'];
  /** Bytes of the answers, gRPC's prefixes included. */
  data(bytes: Buffer, start: number, end: number): void;
}

/** Encodes what a viewer says. */
export const encodeClientFrame = (frame: ClientFrameInput): Buffer =>
  liveService.Connect.requestSerialize(frame);

/** A call of the gateway's Connect, which begins with Hello. */
export class LiveCall implements Receiver {
  readonly #call: Http2Call;
  readonly #options: LiveCallOptions;

  constructor(context: ReceiverContext, options: LiveCallOptions) {
    this.#options = options;
    this.#call = new Http2Call(CONNECT_PATH, context.authority, {
      send: (bytes) => context.send(bytes),
      fail: (reason) => context.fail(reason),
      data: (bytes, start, end) => options.data(bytes, start, end),
    });
  }

  greet(): void {
    const { features = [], join } = this.#options;
    this.#call.open();
    const token = tokenOf(randomUUID());
    const hello = encodeClientFrame({ hello: { client: 'bench', token, features: [...features] } });
    this.write(join === undefined ? [hello] : [hello, encodeClientFrame({ join })]);
  }

  write(frames: Buffer[]): void {
    this.#call.write(frames);
  }

  receive(bytes: Buffer, start: number, end: number): number {
    return this.#call.receive(bytes, start, end);
  }
}
