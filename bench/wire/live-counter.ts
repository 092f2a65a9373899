import type { StartInput } from '../../protos/gen/live/v1/Start.ts';
import { FrameCounter } from './frame-counter.ts';
import { LiveCall } from './live-call.ts';
import type { Receiver, ReceiverContext } from './receiver.ts';

const GRPC_PREFIX = 5;

/** A viewer of one room by gRPC that counts reliable messages. */
export class LiveCounter implements Receiver {
  readonly #call: LiveCall;

  /**
   * @param start where in the room it begins
   * @param features whose frames' messages are then not counted
   */
  constructor(context: ReceiverContext, start: StartInput, features: readonly 'FEATURE_DEFLATE'[] = []) {
    const counter = new FrameCounter(context, GRPC_PREFIX);
    this.#call = new LiveCall(context, {
      features,
      join: { room: context.room, start },
      data: (bytes, from, end) => counter.count(bytes, from, end),
    });
  }

  greet(): void {
    this.#call.greet();
  }

  receive(bytes: Buffer, start: number, end: number): number {
    return this.#call.receive(bytes, start, end);
  }
}
