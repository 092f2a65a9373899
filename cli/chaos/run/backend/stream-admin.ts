import type { JetStreamManager, NatsConnection, StreamInfo } from 'nats';
import { connect } from 'nats';
import { setTimeout as sleep } from 'node:timers/promises';

/** The stream of gateways that were not told of another one. */
const stream = 'LIVE';

/** How long a request is tried while servers and leaders come and go, in milliseconds. */
const persistMs = 20_000;
const retryMs = 100;

/** Does to the stream what operators do, by accident or not. */
export class StreamAdmin {
  private readonly connection: NatsConnection;
  private readonly manager: JetStreamManager;

  static async connect(urls: readonly string[]): Promise<StreamAdmin> {
    const connection = await connect({
      servers: [...urls],
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
      pingInterval: 2_000,
    });
    return new StreamAdmin(
      connection,
      await connection.jetstreamManager({ checkAPI: false, timeout: 2_000 }),
    );
  }

  private constructor(connection: NatsConnection, manager: JetStreamManager) {
    this.connection = connection;
    this.manager = manager;
  }

  /** Name of the server that leads the stream. Undefined without a cluster, or while there is no leader. */
  async leader(): Promise<string | undefined> {
    return (await this.info()).cluster?.leader;
  }

  /** Sequence of the oldest message held, or that of the next one when none is. */
  async firstSeq(): Promise<number> {
    return (await this.info()).state.first_seq;
  }

  /** Removes all messages. */
  async purge(): Promise<void> {
    await persist(() => this.manager.streams.purge(stream));
  }

  /** Deletes the stream and creates it again as it was. */
  async recreate(): Promise<void> {
    const { config } = await this.info();
    await persist(() => this.manager.streams.delete(stream)).catch((error: unknown) => {
      // The answer to an attempt that succeeded may have been lost.
      if (!isNotFound(error)) throw error;
    });
    await persist(() => this.manager.streams.add(config));
  }

  /**
   * Lets the oldest go until so many messages are left, of whatever room, as limits would. The stream is not edited: NATS
   * then gives it another time of creation when it restarts, and nobody could tell an acknowledgement's stream.
   */
  async keep(messages: number): Promise<void> {
    await persist(() => this.manager.streams.purge(stream, { keep: messages }));
  }

  /** Makes the stream's leader give up its office; another server takes it. */
  async stepDown(): Promise<void> {
    await persist(() =>
      this.connection.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`, undefined, { timeout: 2_000 }),
    );
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  private info(): Promise<StreamInfo> {
    return persist(() => this.manager.streams.info(stream));
  }
}

/** Tries until it works: between two leaders nobody answers. */
async function persist<T>(request: () => Promise<T>): Promise<T> {
  const giveUpMs = performance.now() + persistMs;
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (isNotFound(error) || performance.now() >= giveUpMs) throw error;
      await sleep(retryMs);
    }
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && error.message === 'stream not found';
}
