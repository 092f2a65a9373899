import type { Publish } from '../../protos/gen/live/v1/Publish.ts';
import type { PublishResultInput } from '../../protos/gen/live/v1/PublishResult.ts';
import type { Access } from './access.ts';
import { Failure } from './failure.ts';
import { encodeFrame } from './encode-frame.ts';
import type { PublishService } from './publish-service.ts';
import type { UrgentFrame } from './writer.ts';

/** What the publishes of one session need. */
export interface PublishesDependencies {
  readonly service: PublishService;
  readonly access: Access;
  /** See {@link Caller}. */
  readonly session: string;
  /** Who publishes where nobody is asked for a token. */
  readonly group: string;
  /** Publishes that may wait for their result. */
  readonly limit: number;
  readonly send: (frame: UrgentFrame) => void;
  /** What the client is to be told of an error; what it is not told is logged. */
  readonly refuse: (error: unknown) => Failure;
}

/** The publishes of one session. Results that wait for the transport go in one frame, however many they are. */
export class Publishes {
  readonly #dependencies: PublishesDependencies;
  #results: PublishResultInput[] = [];
  #pending = 0;

  constructor(dependencies: PublishesDependencies) {
    this.#dependencies = dependencies;
  }

  /** Publishes without a result yet. */
  get pending(): number {
    return this.#pending;
  }

  /** Results that wait to be written. */
  get backlog(): number {
    return this.#results.length;
  }

  /** Publishes, and has the client told what became of it. Never rejects. */
  async publish({ requestId, request }: Publish): Promise<void> {
    const { service, access, session, group, limit, refuse } = this.#dependencies;
    const answer = (result: PublishResultInput): void => this.#answer({ ...result, requestId });
    const refused = (error: unknown): void => answer({ refusal: refuse(error).toRefusal() });
    if (request === null) {
      refused(new Failure('MESSAGE_INVALID', 'a Publish without a request'));
      return;
    }
    if (this.#pending >= limit) {
      refused(new Failure('TOO_MANY_PUBLISHES', `${limit} publishes wait for their results: wait for one`));
      return;
    }
    this.#pending++;
    try {
      answer({ published: await service.publish(request, { access, group, session }) });
    } catch (error) {
      refused(error);
    } finally {
      this.#pending--;
    }
  }

  #answer(result: PublishResultInput): void {
    this.#results.push(result);
    if (this.#results.length === 1) this.#dependencies.send(() => this.#frame());
  }

  #frame(): Buffer {
    const results = this.#results;
    this.#results = [];
    return encodeFrame({ publishResults: { results } });
  }
}
