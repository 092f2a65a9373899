import type { JoinOptions, LiveClientOptions, RoomEvent, RoomSubscription } from '../../client/index.ts';
import { grpcTransport, LiveClient } from '../../client/index.ts';
import type { Transport } from '../../client/core/transport.ts';
import type { Message as WireMessage } from '../../protos/gen/live/v1/Message.ts';
import type { ServerFrame } from '../../protos/live.ts';

/** What a gateway with a defect sends in place of each frame. */
export type FrameDefect = (frame: ServerFrame) => ServerFrame[];

/** What a client with a defect hands to its application in place of each event. */
export type EventDefect = (event: RoomEvent) => RoomEvent[];

/** The real transport to a real gateway, whose frames reach the client as if the gateway had the defect. */
export function defectiveTransport(defect: FrameDefect): Transport {
  const real = grpcTransport();
  return {
    ...real,
    open: (endpoint, handlers) =>
      real.open(endpoint, {
        frame: (frame, ...sizes) => defect(frame).forEach((sent) => handlers.frame(sent, ...sizes)),
        end: (error) => handlers.end(error),
      }),
  };
}

/** A defect in the reliable messages, which are told one by one with their number, from 1. */
export function messageDefect(edit: (message: WireMessage, number: number) => WireMessage[]): FrameDefect {
  let number = 0;
  return (frame) => {
    const { batch } = frame;
    if (!batch) return [frame];
    const reliable = batch.reliable.flatMap((message) => edit(message, ++number));
    return [{ ...frame, batch: { ...batch, reliable } }];
  };
}

/** The real client with a defect on the last step, between its queue and the application. */
export class DefectiveClient extends LiveClient {
  readonly #defect: EventDefect;

  constructor(options: LiveClientOptions, defect: EventDefect) {
    super(options);
    this.#defect = defect;
  }

  override join(room: string, options?: JoinOptions): RoomSubscription {
    const subscription = super.join(room, options);
    const handedOut = handOut(subscription[Symbol.asyncIterator](), this.#defect);
    return Object.assign(subscription, { [Symbol.asyncIterator]: () => handedOut });
  }
}

async function* handOut(
  events: AsyncIterator<RoomEvent, undefined>,
  defect: EventDefect,
): AsyncGenerator<RoomEvent, undefined> {
  for (;;) {
    const { done, value } = await events.next();
    if (done) return undefined;
    yield* defect(value);
  }
}
