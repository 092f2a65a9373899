import type { ConsumerConfig, JetStreamManager, MsgRequest, StoredMsg, StreamInfo } from 'nats';
import { Limiter } from '../../common/limiter.ts';
import type { StoredMessage } from '../core/message.ts';
import type { StreamState } from '../core/upstream.ts';
import type { Upline } from './connection.ts';
import { decodeStored, readHeaders } from './message-codec.ts';
import { isApiError, streamState } from './stream.ts';
import { roomSubject } from './subjects.ts';

/** Requests to the JetStream API under way at once; servers drop what exceeds their own cap. */
const MAX_REQUESTS = 16;
const NO_MESSAGE_FOUND = 10037;

/**
 * Questions to the stream's leader. The plain JetStream API, unlike direct gets, is answered by the leader alone,
 * so an answer is never older than the question.
 */
export class StreamLeader {
  readonly #upline: Upline;
  readonly #jsm: JetStreamManager;
  readonly #stream: string;
  readonly #limiter = new Limiter(MAX_REQUESTS);

  constructor(upline: Upline, jsm: JetStreamManager, stream: string) {
    this.#upline = upline;
    this.#jsm = jsm;
    this.#stream = stream;
  }

  get stream(): string {
    return this.#stream;
  }

  async state(): Promise<StreamState> {
    return streamState(await this.#run(() => this.#jsm.streams.info(this.#stream)));
  }

  /** The stream with the number of messages of one room. */
  describeRoom(room: string): Promise<StreamInfo> {
    const subjects_filter = roomSubject(room);
    return this.#run(() => this.#jsm.streams.info(this.#stream, { subjects_filter }));
  }

  /** The room's newest message held, or undefined. */
  async lastMessage(room: string): Promise<StoredMessage | undefined> {
    const found = await this.#get({ last_by_subj: roomSubject(room) });
    return found && toStoredMessage(found);
  }

  /** Sequence of the room's first message held at or after `seq`, or undefined. */
  async nextSeq(room: string, seq: number): Promise<number | undefined> {
    // Supported by servers since 2.9; the client's type has only the other two forms.
    const query = { seq, next_by_subj: roomSubject(room) } as MsgRequest;
    return (await this.#get(query))?.seq;
  }

  /** Whether the stream holds a message of whatever room at `seq`. */
  async holds(seq: number): Promise<boolean> {
    return seq > 0 && (await this.#get({ seq })) !== undefined;
  }

  /** Creates a consumer, lets `use` read from it, and deletes it. `use` gets the number of matching messages. */
  async withConsumer<T>(
    config: Partial<ConsumerConfig> & { name: string },
    use: (pending: number) => Promise<T>,
  ): Promise<T> {
    return this.#run(async () => {
      const info = await this.#jsm.consumers.add(this.#stream, config);
      try {
        return await use(info.num_pending);
      } finally {
        // Nobody waits for it, and when it fails the inactivity threshold does it.
        void this.#jsm.consumers.delete(this.#stream, config.name).catch(() => undefined);
      }
    });
  }

  /** What is lost with the connection gives its place to the next at once. */
  #run<T>(request: () => Promise<T>): Promise<T> {
    return this.#limiter.run(() => this.#upline.whileUp(request));
  }

  async #get(query: MsgRequest): Promise<StoredMsg | undefined> {
    try {
      return await this.#run(() => this.#jsm.streams.getMessage(this.#stream, query));
    } catch (error) {
      if (isApiError(error, NO_MESSAGE_FOUND)) return undefined;
      throw error;
    }
  }
}

function toStoredMessage(found: StoredMsg): StoredMessage {
  const { seq, data, time } = found;
  const headers = readHeaders(() => found.header);
  return decodeStored(seq, time.getTime(), headers, data);
}
