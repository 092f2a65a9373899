import type { PublishResult } from '../../protos/gen/live/v1/PublishResult.ts';
import { liveService } from '../../protos/live.ts';
import type { Publication } from '../peers/peer.ts';
import { RawConnection } from './connection.ts';
import { GrpcMessages } from './grpc-messages.ts';
import { encodeClientFrame, LiveCall } from './live-call.ts';
import type { Receiver, ReceiverContext } from './receiver.ts';

const TYPE = 'gift';
/** Publishes that wait for their result, at most, before `flush` waits: less than a gateway allows on a stream. */
const OUTSTANDING = 160;

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Publishes reliable messages through the gateway, on one Connect stream. */
class LivePublication implements Publication {
  readonly #connection: RawConnection;
  readonly #waiting = new Map<string, Waiting>();
  #call: LiveCall | undefined;
  #frames: Buffer[] = [];
  #lastId = 0;
  #failure: Error | undefined;
  #answered: (() => void) | undefined;

  constructor(port: number) {
    this.#connection = new RawConnection({
      port,
      room: '',
      tally: { messages: 0, bytes: 0, ages: [] },
      timed: false,
      lost: (reason) => this.#fail(new Error(reason)),
      make: (context) => this.#receiver(context),
    });
  }

  get ready(): Promise<void> {
    return this.#connection.ready;
  }

  send(room: string, payload: string): void {
    this.acknowledged(room, payload).catch((error: unknown) => this.#fail(error as Error));
  }

  async flush(): Promise<void> {
    this.#write();
    while (this.#waiting.size > OUTSTANDING && this.#failure === undefined) {
      await new Promise<void>((resolve) => (this.#answered = resolve));
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  acknowledged(room: string, payload: string): Promise<void> {
    const requestId = String(++this.#lastId);
    const message = { room, type: TYPE, payload: Buffer.from(payload, 'latin1') };
    // What is published in one turn is one write.
    if (this.#frames.length === 0) setImmediate(() => this.#write());
    this.#frames.push(encodeClientFrame({ publish: { requestId, request: message } }));
    return new Promise((resolve, reject) => this.#waiting.set(requestId, { resolve, reject }));
  }

  close(): void {
    this.#connection.drop();
  }

  #receiver(context: ReceiverContext): Receiver {
    const messages = new GrpcMessages((message) => {
      const { frame, publishResults } = liveService.Connect.responseDeserialize(message);
      if (frame === 'welcome') context.ready();
      for (const result of publishResults?.results ?? []) this.#complete(result);
    });
    this.#call = new LiveCall(context, { data: (bytes, start, end) => messages.receive(bytes, start, end) });
    return this.#call;
  }

  #write(): void {
    if (this.#frames.length > 0) this.#call?.write(this.#frames);
    this.#frames = [];
  }

  #complete({ requestId, refusal }: PublishResult): void {
    const waiting = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    if (!refusal) waiting?.resolve();
    else waiting?.reject(new Error(`${refusal.reason}: ${refusal.message}`));
    this.#answered?.();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#answered?.();
  }
}

/** Connects a publisher to a gateway. */
export async function livePublication(port: number): Promise<Publication> {
  const publication = new LivePublication(port);
  await publication.ready;
  return publication;
}
