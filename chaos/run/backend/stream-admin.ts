import type { JetStreamManager, NatsConnection, StreamConfig, StreamInfo } from 'nats';
import { connect, headers } from 'nats';
import type { Clock } from '../../../common/clock.ts';
import { systemClock } from '../../../common/clock.ts';
import { sleep } from '../../../common/sleep.ts';
import { operator } from './nats-configuration.ts';
import type { StreamBackup } from './stream-backup.ts';
import { backUp, restore } from './stream-backup.ts';

/** The stream of gateways that were not told of another one. */
const STREAM = 'LIVE';

/** How long a request is tried while servers and leaders come and go, and disks are busy, in milliseconds. */
const PERSIST_MS = 60_000;
const RETRY_MS = 100;

/** Does to the stream what operators do, by accident or not. */
export class StreamAdmin {
  readonly #connection: NatsConnection;
  readonly #manager: JetStreamManager;
  readonly #clock: Clock;

  static async connect(urls: readonly string[], clock: Clock = systemClock): Promise<StreamAdmin> {
    const connection = await connect({
      ...operator,
      servers: [...urls],
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
      pingInterval: 2_000,
      timeout: 2_000,
    });
    return new StreamAdmin(
      connection,
      await connection.jetstreamManager({ checkAPI: false, timeout: 2_000 }),
      clock,
    );
  }

  private constructor(connection: NatsConnection, manager: JetStreamManager, clock: Clock) {
    this.#connection = connection;
    this.#manager = manager;
    this.#clock = clock;
  }

  /** Name of the server that leads the stream. Undefined without a cluster, or while there is no leader. */
  async leader(): Promise<string | undefined> {
    return (await this.#info()).cluster?.leader;
  }

  /** Sequence of the oldest message held, or that of the next one when none is. */
  async firstSeq(): Promise<number> {
    return (await this.#info()).state.first_seq;
  }

  /**
   * The name of its incarnation, as cursors have it.
   * @throws when there is no answer at once
   */
  async epoch(): Promise<string> {
    const { created } = await this.#manager.streams.info(STREAM);
    return `${STREAM}@${created}`;
  }

  /** Removes all messages. */
  async purge(): Promise<void> {
    await this.#persist(() => this.#manager.streams.purge(STREAM));
  }

  /** Deletes the stream; returns what it was like. */
  async remove(): Promise<StreamConfig> {
    const { config } = await this.#info();
    await this.#persist(() => this.#manager.streams.delete(STREAM)).catch((error: unknown) => {
      // The answer to an attempt that succeeded may have been lost.
      if (!isNotFound(error)) throw error;
    });
    return config;
  }

  /** Creates the stream, with nothing in it. */
  async create(config: StreamConfig): Promise<void> {
    await this.#persist(() => this.#manager.streams.add(config));
  }

  /** Takes a copy of the stream, messages and all. */
  backUp(): Promise<StreamBackup> {
    return this.#persist(() => backUp(this.#connection, STREAM));
  }

  /** Brings the stream back as it was. */
  async restore(backup: StreamBackup): Promise<void> {
    await this.#persist(async () => {
      try {
        await restore(this.#connection, backup);
      } catch (error) {
        // There was none of this name: an attempt before whose answer was lost has brought it back, wholly or in part.
        if (isInUse(error)) await this.#manager.streams.delete(STREAM);
        throw error;
      }
    });
    // In a cluster it may yet have to find a leader.
    await this.#info();
  }

  /**
   * Stores a message, not through a gateway, that is as large as NATS takes it, headers included.
   * @param id the message's identifier (`Nats-Msg-Id`)
   * @returns its sequence
   */
  async storeLargest(room: string, id: string): Promise<number> {
    const fields = { 'Nats-Msg-Id': id, 'Live-Type': 'gift', 'Live-Sender': 'stock' };
    const header = headers();
    for (const [name, value] of Object.entries(fields)) header.set(name, value);
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    const headerBytes = Buffer.byteLength(`NATS/1.0\r\n${lines.join('')}\r\n`);
    const payload = Buffer.alloc((this.#connection.info?.max_payload ?? 0) - headerBytes, 'x');
    const js = this.#connection.jetstream();
    const { seq } = await this.#persist(() => js.publish(`live.room.${room}`, payload, { headers: header }));
    return seq;
  }

  /**
   * Lets the oldest go until so many messages are left, of whatever room, as limits would. The stream is not edited: NATS
   * then gives it another time of creation when it restarts, and nobody could tell an acknowledgement's stream.
   */
  async keep(messages: number): Promise<void> {
    await this.#persist(() => this.#manager.streams.purge(STREAM, { keep: messages }));
  }

  /** Makes the stream's leader give up its office; another server takes it. */
  async stepDown(): Promise<void> {
    await this.#persist(() =>
      this.#connection.request(`$JS.API.STREAM.LEADER.STEPDOWN.${STREAM}`, undefined, { timeout: 2_000 }),
    );
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #info(): Promise<StreamInfo> {
    return this.#persist(() => this.#manager.streams.info(STREAM));
  }

  /**
   * Tries until it works: between two leaders nobody answers.
   * @throws what NATS says of it, or that it said nothing in time
   */
  async #persist<T>(request: () => Promise<T>): Promise<T> {
    const giveUpMs = this.#clock.monotonicMs() + PERSIST_MS;
    for (;;) {
      try {
        return await request();
      } catch (error) {
        if (isNotFound(error)) throw error;
        if (this.#clock.monotonicMs() >= giveUpMs) {
          const what = `NATS did not do what was asked of stream ${STREAM} within ${PERSIST_MS / 1_000} s`;
          throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
        }
        await sleep(this.#clock, RETRY_MS, new AbortController().signal);
      }
    }
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && error.message === 'stream not found';
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('stream name already in use');
}
