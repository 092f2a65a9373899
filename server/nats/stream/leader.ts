import type { ConsumerConfig, ConsumerInfo, StreamInfo, StreamInfoRequestOptions } from 'nats';
import { Limiter } from '../../../common/limiter.ts';
import type { LastMessage } from '../../log/message.ts';
import { lastOf } from '../../log/message.ts';
import type { StreamState } from '../../log/evidence.ts';
import type { JetStreamApi } from '../connection/jetstream-api.ts';
import { MessageLookup, toStoredMessage } from './message-lookup.ts';
import type { MirrorOrigin } from './origin.ts';
import type { RequestOptions } from '../connection/requests.ts';
import { RequestError } from '../connection/requests.ts';
import { epochOf, streamEpoch, streamState } from './stream-state.ts';
import { StreamIdentity } from './stream-identity.ts';
import type { Subjects } from '../connection/subjects.ts';

/** Requests to the JetStream API under way at once; servers drop what exceeds their own cap. */
const MAX_REQUESTS = 16;
/** Sequences of deleted messages that are asked for at once: 100 KB. */
const MAX_DELETED = 10_000;
/** A consumer is asked for once, under a name of its own: whoever reads tries again with another. */
const CREATE: RequestOptions = { timeoutMs: 2_000, retry: false };

/** What a consumer is to be. */
export type NamedConsumer = Partial<ConsumerConfig> & { readonly name: string };

/** Is told what comes of reads. */
export interface ReadObserver {
  /** History was read. */
  readWorked(): void;
  readFailed(error: unknown): void;
}

/**
 * Questions to the stream's leader. The plain JetStream API, unlike direct gets, is answered by the leader alone,
 * so an answer is never older than the question.
 */
export class StreamLeader {
  readonly #api: JetStreamApi;
  /** Name of the stream. */
  readonly stream: string;
  readonly subjects: Subjects;
  readonly #limiter = new Limiter(MAX_REQUESTS);
  readonly #messages: MessageLookup;
  #meanBytes = 0;
  /** When the stream was created, as its leader last said it. */
  #created: string;
  readonly #identity = new StreamIdentity();
  readonly #origin: MirrorOrigin | undefined;
  /** Names of the consumers that may exist. */
  readonly #consumers = new Set<string>();
  #closed = false;
  #observer: ReadObserver = { readWorked: () => undefined, readFailed: () => undefined };

  /**
   * @param created when the stream was, as NATS says it
   * @param origin of a stream that is a mirror
   */
  constructor(api: JetStreamApi, stream: string, subjects: Subjects, created: string, origin?: MirrorOrigin) {
    this.#created = created;
    this.#origin = origin;
    this.#api = api;
    this.#messages = new MessageLookup(api, stream, (ask) => this.#observed(ask));
    this.stream = stream;
    this.subjects = subjects;
  }

  /** What the subjects of its JetStream API begin with. */
  get api(): string {
    return this.#api.prefix;
  }

  /** From now on `observer` is told what comes of reads. */
  observe(observer: ReadObserver): void {
    this.#observer = observer;
  }

  async state(): Promise<StreamState> {
    const info = this.#identified(await this.info());
    const formerly = await this.#identity.formerNames(streamEpoch(info), info, (seq) => this.timeOf(seq));
    return streamState(info, formerly);
  }

  /** Identity of the stream when it was last asked for anything. */
  get epoch(): string {
    return this.#origin?.epoch ?? epochOf(this.stream, this.#created);
  }

  /** See {@link Requests.quickestMs}. */
  get quickestMs(): number {
    return this.#api.quickestMs;
  }

  /** What a message of the stream takes on average, in bytes, when that was last seen. */
  get meanBytes(): number {
    return this.#meanBytes;
  }

  /** The stream as it is, with its configuration. */
  async info(question?: Partial<StreamInfoRequestOptions>): Promise<StreamInfo> {
    const info = await this.#observed(() =>
      this.#api.ask<StreamInfo>(`STREAM.INFO.${this.stream}`, question),
    );
    this.#created = info.created;
    this.#meanBytes = info.state.messages === 0 ? 0 : info.state.bytes / info.state.messages;
    return info;
  }

  /** The same, asked ahead of all that wait for their turn. */
  async inspect(asking: RequestOptions): Promise<StreamInfo> {
    const info = await this.#api.ask<StreamInfo>(`STREAM.INFO.${this.stream}`, undefined, asking);
    this.#created = info.created;
    return info;
  }

  /** The stream with the number of messages of one room. */
  async describeRoom(room: string): Promise<StreamInfo> {
    const subjects_filter = this.subjects.room(room);
    return this.#identified(await this.info({ subjects_filter }));
  }

  /** The room's newest message held, or undefined. */
  async lastMessage(room: string): Promise<LastMessage | undefined> {
    const found = await this.#messages.get({ last_by_subj: this.subjects.room(room) });
    return found && lastOf(toStoredMessage(found));
  }

  /** How many messages of a room the stream holds. */
  async countMessages(room: string): Promise<number> {
    return (await this.describeRoom(room)).state.subjects?.[this.subjects.room(room)] ?? 0;
  }

  /** Sequence of the room's first message held at or after `seq`, or undefined. */
  async nextSeq(room: string, seq: number): Promise<number | undefined> {
    return (await this.#messages.get({ seq, next_by_subj: this.subjects.room(room) }))?.seq;
  }

  /** When the message held at `seq`, of whatever room, was stored; undefined when none is held. */
  async timeOf(seq: number): Promise<string | undefined> {
    return (await this.#messages.get({ seq }))?.time;
  }

  /** See {@link Upstream.isYetToCome}. */
  async isYetToCome(seq: number): Promise<boolean> {
    return this.#origin !== undefined && (await this.#origin.lastSeq()) >= seq;
  }

  /** See {@link Upstream.isIntact}. Asks for the list of what was deleted only where it is short. */
  async isIntact(after: number, upto: number): Promise<boolean> {
    if (upto <= after) return true;
    const count: Partial<StreamInfo['state']> = (await this.info()).state;
    if ((count.num_deleted ?? 0) > MAX_DELETED) return false;
    const { first_seq: first, deleted = [] }: Partial<StreamInfo['state']> =
      count.num_deleted === undefined ? count : (await this.info({ deleted_details: true })).state;
    return first !== undefined && first <= after + 1 && !deleted.some((seq) => seq > after && seq <= upto);
  }

  #identified(info: StreamInfo): StreamInfo {
    return this.#origin?.identify(info) ?? info;
  }

  /**
   * Creates a consumer; it must be {@link deleteConsumer deleted}.
   * @returns the number of messages that it has
   */
  async createConsumer(config: NamedConsumer): Promise<number> {
    const { name, filter_subject } = config;
    this.#consumers.add(name);
    const path = filter_subject === undefined ? name : `${name}.${filter_subject}`;
    const endpoint = `CONSUMER.CREATE.${this.stream}.${path}`;
    const question = { stream_name: this.stream, config, action: 'create' };
    try {
      const { num_pending } = await this.#observed(() => {
        // It may have waited for its turn until everything is closed.
        if (this.#closed) throw new RequestError('disconnected', 'the gateway is closing');
        return this.#api.ask<ConsumerInfo>(endpoint, question, CREATE);
      });
      return num_pending;
    } catch (error) {
      // It may have been created all the same.
      void this.deleteConsumer(name);
      throw error;
    }
  }

  /** Reads messages; what comes of it is told to the observer. */
  async reading<T>(read: () => Promise<T>): Promise<T> {
    try {
      const result = await read();
      this.#observer.readWorked();
      return result;
    } catch (error) {
      this.#observer.readFailed(error);
      throw error;
    }
  }

  /** Never rejects: when it fails, the inactivity threshold does it. */
  async deleteConsumer(name: string): Promise<void> {
    await this.#api
      .ask(`CONSUMER.DELETE.${this.stream}.${name}`, undefined, { retry: false })
      .catch(() => undefined);
    this.#consumers.delete(name);
  }

  /** Leaves no consumer behind, if NATS can be asked, and creates no more. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#consumers].map((name) => this.deleteConsumer(name)));
  }

  /** Creates a consumer, lets `use` read from it, and deletes it. `use` gets the number of messages that it has. */
  async withConsumer<T>(config: NamedConsumer, use: (pending: number) => Promise<T>): Promise<T> {
    const pending = await this.createConsumer(config);
    try {
      return await this.reading(() => use(pending));
    } finally {
      void this.deleteConsumer(config.name);
    }
  }

  #observed<T>(read: () => Promise<T>): Promise<T> {
    return this.#limiter.run(async () => {
      try {
        return await read();
      } catch (error) {
        this.#observer.readFailed(error);
        throw error;
      }
    });
  }
}
