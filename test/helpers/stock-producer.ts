import type { ConnectionOptions, JetStreamClient, JetStreamManager, MsgHdrs, NatsConnection } from 'nats';
import { connect } from 'nats';
import type { StreamState } from '../../server/log/evidence.ts';
import { streamState } from '../../server/nats/stream/stream-state.ts';
import { CONSUMER_INACTIVE_MS } from '../../server/nats/stream/stream-fields.ts';
import { Subjects } from '../../server/nats/connection/subjects.ts';
import { poll, until } from './poll.ts';

/** A bound for a hang only: NATS may be slow to answer on a busy machine. */
const TIMEOUT = 120_000;

/** A backend with a stock NATS client: publishes without a gateway, and may do to the stream what operators do. */
export class StockProducer implements AsyncDisposable {
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
  readonly stream: string;
  readonly #js: JetStreamClient;

  private constructor(nc: NatsConnection, jsm: JetStreamManager, stream: string) {
    this.nc = nc;
    this.jsm = jsm;
    this.stream = stream;
    this.#js = nc.jetstream({ timeout: TIMEOUT });
  }

  static async connect(
    url: string,
    stream = 'LIVE',
    credentials: Pick<ConnectionOptions, 'user' | 'pass'> = {},
  ): Promise<StockProducer> {
    const nc = await connect({
      servers: url,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 20,
      timeout: TIMEOUT,
      ...credentials,
    });
    return new StockProducer(nc, await nc.jetstreamManager({ timeout: TIMEOUT }), stream);
  }

  /** Stores a message of a room; returns its sequence. */
  async publish(room: string, payload: string | Uint8Array = '', headers?: MsgHdrs): Promise<number> {
    const { seq } = await this.#js.publish(new Subjects().room(room), payload, headers && { headers });
    return seq;
  }

  /** Stores messages without waiting for one before the next is sent; returns their sequences. */
  burst(room: string, payloads: readonly string[]): Promise<number[]> {
    return Promise.all(payloads.map((payload) => this.publish(room, payload)));
  }

  async state(): Promise<StreamState> {
    return streamState(await this.jsm.streams.info(this.stream), []);
  }

  /** Names of the stream's consumers. */
  async consumers(): Promise<string[]> {
    const found = await this.jsm.consumers.list(this.stream).next();
    return found.map(({ name }) => name);
  }

  /**
   * Resolves when the stream has no consumer any more, long before it would let go of one by itself: a gateway on a quick clock does not wait for its
   * deletions on a busy machine.
   */
  async hasNoConsumer(): Promise<void> {
    const limits = { everyMs: 10, timeoutMs: CONSUMER_INACTIVE_MS / 2 };
    await poll('no consumer is left', async () => (await this.consumers()).length === 0, limits);
  }

  async deleteStream(): Promise<void> {
    await this.jsm.streams.delete(this.stream);
  }

  /** Resolves when the server answers again after a restart: what is published before may go into the connection that was. */
  async isBack(): Promise<void> {
    await until('the producer is back', () =>
      this.nc.rtt().then(
        () => true,
        () => false,
      ),
    );
  }

  close(): Promise<void> {
    return this.nc.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
