import { liveService } from '../../protos/live.ts';
import type { Cursor } from '../../protos/gen/live/v1/Cursor.ts';
import { RawConnection } from './connection.ts';
import { readBatch } from './live-batch.ts';
import type { LiveTransport } from './live-transports.ts';
import type { Receiver, ReceiverContext } from './receiver.ts';

const BATCH = 0x1a;

/** A viewer that keeps its cursor, so that it can be cut off and resume. */
export class LiveViewer {
  /** Reliable messages received, over all connections. */
  received = 0;
  /** Times that a message did not follow the cursor: something was lost or came twice. */
  breaks = 0;
  readonly #transport: LiveTransport;
  readonly #port: number;
  readonly #room: string;
  #connection: RawConnection | undefined;
  #cursor: Cursor | undefined;

  constructor(transport: LiveTransport, port: number, room: string) {
    this.#transport = transport;
    this.#port = port;
    this.#room = room;
  }

  /** Resolves when it has caught up; rejects when the connection ends before. */
  connect(): Promise<void> {
    this.#connection = new RawConnection({
      port: this.#port,
      room: this.#room,
      tally: { messages: 0, bytes: 0, ages: [] },
      timed: false,
      lost: () => undefined,
      make: (context) => this.#receiver(context),
    });
    return this.#connection.ready;
  }

  drop(): void {
    this.#connection?.drop();
  }

  #receiver(context: ReceiverContext): Receiver {
    const { room } = context;
    const join = this.#cursor === undefined ? { room, start: { live: {} } } : { room, cursor: this.#cursor };
    return this.#transport(context, join, (message) => this.#hear(message, context));
  }

  #hear(message: Buffer, context: ReceiverContext): void {
    if (message[0] === BATCH) {
      this.#receiveBatch(message);
      return;
    }
    const frame = liveService.Connect.responseDeserialize(message);
    const cursor = frame.joined?.cursor ?? frame.caughtUp?.cursor;
    if (cursor !== undefined && cursor !== null) this.#cursor = cursor;
    if (frame.frame === 'gap' || frame.frame === 'reset') this.breaks++;
    if (frame.frame === 'roomError' || frame.frame === 'reconnect')
      context.fail(`sent away by ${frame.frame}`);
    if (frame.frame === 'caughtUp') context.ready();
  }

  #receiveBatch(message: Buffer): void {
    const { epoch = '' } = this.#cursor ?? {};
    for (const { seq, prevSeq, fingerprint } of readBatch(message)) {
      const at = Number(this.#cursor?.seq);
      if (!(prevSeq <= at && at < seq)) this.breaks++;
      this.received++;
      this.#cursor = { epoch, seq: String(seq), fingerprint };
    }
  }
}
