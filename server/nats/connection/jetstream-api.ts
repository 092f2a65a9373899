import type { RequestOptions, Requests } from './requests.ts';
import { apiPrefix } from './subjects.ts';

/** JetStream answers that it cannot. */
export class JetStreamError extends Error {
  override readonly name = 'JetStreamError';
  /** `err_code` of its API. */
  readonly code: number;

  constructor(code: number, description: string) {
    super(description);
    this.code = code;
  }
}

interface Answer {
  readonly error?: { readonly err_code?: number; readonly description?: string };
}

/** The API of JetStream: questions and answers in JSON. */
export class JetStreamApi {
  readonly #requests: Requests;
  /** What the subjects of the API begin with. */
  readonly prefix: string;

  /** @param prefix that of the account's own JetStream, of a domain, or of another account */
  constructor(requests: Requests, prefix: string = apiPrefix(undefined)) {
    this.#requests = requests;
    this.prefix = prefix;
  }

  /** See {@link Requests.quickestMs}. */
  get quickestMs(): number {
    return this.#requests.quickestMs;
  }

  /** The largest message that NATS takes, in bytes. */
  get maxPayload(): number {
    return this.#requests.maxPayload;
  }

  /**
   * @param endpoint the subject without the prefix
   * @throws RequestError, JetStreamError
   */
  async ask<T extends object>(endpoint: string, question?: object, asking?: RequestOptions): Promise<T> {
    const payload = question === undefined ? '' : JSON.stringify(question);
    const reply = await this.#requests.ask(`${this.prefix}.${endpoint}`, Buffer.from(payload), asking);
    const { error, ...answer } = reply.json<T & Answer>();
    if (error === undefined) return answer as unknown as T;
    throw new JetStreamError(error.err_code ?? 0, error.description ?? 'no description');
  }

  /**
   * Asks a consumer that has nothing, and may be new, for a message.
   * @throws RequestError when it does not say so
   */
  async pullNothing(stream: string, consumer: string): Promise<void> {
    const question = Buffer.from(JSON.stringify({ batch: 1, no_wait: true }));
    await this.#requests.ask(`${this.prefix}.CONSUMER.MSG.NEXT.${stream}.${consumer}`, question, {
      justBegun: true,
      timeoutMs: 2_000,
    });
  }
}
