import type {
  ApiError,
  ConsumerConfig,
  JetStreamManager,
  NatsConnection,
  StreamInfo,
  StreamInfoRequestOptions,
} from 'nats';
import { Limiter } from '../../common/limiter.ts';
import type { StoredMessage } from '../core/message.ts';
import type { StreamState } from '../core/upstream.ts';
import type { Upline } from './connection.ts';
import { parseHeaderLines } from './header-lines.ts';
import { decodeStored } from './message-codec.ts';
import { REQUEST_TIMEOUT_MS, streamState } from './stream.ts';
import type { Subjects } from './subjects.ts';

/** Requests to the JetStream API under way at once; servers drop what exceeds their own cap. */
const MAX_REQUESTS = 16;
const NO_MESSAGE_FOUND = 10037;
/** Sequences of deleted messages that are asked for at once: 100 KB. */
const MAX_DELETED = 10_000;

/** Which message of the stream: the one at a sequence, or the first at or after it or the last of a subject. */
type GetQuery = { readonly seq: number; readonly next_by_subj?: string } | { readonly last_by_subj: string };

/** A message in an answer of `STREAM.MSG.GET`; headers and payload in base64. */
interface HeldMessage {
  readonly seq: number;
  readonly time: string;
  readonly hdrs?: string;
  readonly data?: string;
}

/**
 * Questions to the stream's leader. The plain JetStream API, unlike direct gets, is answered by the leader alone,
 * so an answer is never older than the question.
 */
export class StreamLeader {
  readonly #upline: Upline;
  readonly #jsm: JetStreamManager;
  /** Name of the stream. */
  readonly stream: string;
  /** What the subjects of its JetStream API begin with. */
  readonly api: string;
  readonly subjects: Subjects;
  readonly #limiter = new Limiter(MAX_REQUESTS);

  constructor(
    upline: Upline,
    jsm: JetStreamManager,
    { stream, api, subjects }: Pick<StreamLeader, 'stream' | 'api' | 'subjects'>,
  ) {
    this.#upline = upline;
    this.#jsm = jsm;
    this.stream = stream;
    this.api = api;
    this.subjects = subjects;
  }

  async state(): Promise<StreamState> {
    return streamState(await this.#info());
  }

  /** The stream with the number of messages of one room. */
  describeRoom(room: string): Promise<StreamInfo> {
    const subjects_filter = this.subjects.room(room);
    return this.#run(() => this.#jsm.streams.info(this.stream, { subjects_filter }));
  }

  /** The room's newest message held, or undefined. */
  async lastMessage(room: string): Promise<StoredMessage | undefined> {
    const found = await this.#get({ last_by_subj: this.subjects.room(room) });
    return found && toStoredMessage(found);
  }

  /** Sequence of the room's first message held at or after `seq`, or undefined. */
  async nextSeq(room: string, seq: number): Promise<number | undefined> {
    return (await this.#get({ seq, next_by_subj: this.subjects.room(room) }))?.seq;
  }

  /** Whether the stream holds a message of whatever room at `seq`. */
  async holds(seq: number): Promise<boolean> {
    return seq > 0 && (await this.#get({ seq })) !== undefined;
  }

  /** See {@link Upstream.isIntact}. Asks for the list of what was deleted only where it is short. */
  async isIntact(after: number, upto: number): Promise<boolean> {
    if (upto <= after) return true;
    const count: Partial<StreamInfo['state']> = (await this.#info()).state;
    if ((count.num_deleted ?? 0) > MAX_DELETED) return false;
    const { first_seq: first, deleted = [] }: Partial<StreamInfo['state']> =
      count.num_deleted === undefined ? count : (await this.#info({ deleted_details: true })).state;
    return first !== undefined && first <= after + 1 && !deleted.some((seq) => seq > after && seq <= upto);
  }

  /** Creates a consumer, lets `use` read from it, and deletes it. `use` gets the number of matching messages. */
  async withConsumer<T>(
    config: Partial<ConsumerConfig> & { name: string },
    use: (pending: number) => Promise<T>,
  ): Promise<T> {
    return this.#run(async () => {
      const info = await this.#jsm.consumers.add(this.stream, config);
      try {
        return await use(info.num_pending);
      } finally {
        // Nobody waits for it, and when it fails the inactivity threshold does it.
        void this.#jsm.consumers.delete(this.stream, config.name).catch(() => undefined);
      }
    });
  }

  #info(options?: Partial<StreamInfoRequestOptions>): Promise<StreamInfo> {
    return this.#run(() => this.#jsm.streams.info(this.stream, options));
  }

  /** What is lost with the connection gives its place to the next at once. */
  #run<T>(request: (nc: NatsConnection) => Promise<T>): Promise<T> {
    return this.#limiter.run(() => this.#upline.whileUp(request));
  }

  /** The NATS client has a call for this, but it reads the headers in its own way. */
  async #get(query: GetQuery): Promise<HeldMessage | undefined> {
    const subject = `${this.api}.STREAM.MSG.GET.${this.stream}`;
    const reply = await this.#run((nc) =>
      nc.request(subject, JSON.stringify(query), { timeout: REQUEST_TIMEOUT_MS }),
    );
    const { message, error } = reply.json<{ message?: HeldMessage; error?: ApiError }>();
    if (message !== undefined || error?.err_code === NO_MESSAGE_FOUND) return message;
    throw new Error(`the stream does not give a message: ${error?.description}`);
  }
}

function toStoredMessage({ seq, time, hdrs = '', data = '' }: HeldMessage): StoredMessage {
  const lines = parseHeaderLines(Buffer.from(hdrs, 'base64'));
  return decodeStored(seq, Date.parse(time), lines, Buffer.from(data, 'base64'));
}
