import { randomUUID } from 'node:crypto';
import type { Logger } from '../observability/logging.ts';
import type { SampledLog } from '../observability/sampled-log.ts';
import type { Access } from './access.ts';
import type { Failure } from './failure.ts';
import type { Refusals } from './refusals.ts';

/** How much of a client's name is kept, in characters. */
const MAX_CLIENT_NAME = 80;

/** Where sessions are logged. */
export interface SessionLogs {
  readonly logger: Logger;
  /** Told who comes and goes: in a storm not of everybody. */
  readonly sampledLog: Pick<SampledLog, 'info'>;
  readonly refusals: Refusals;
}

type SessionFacts = Readonly<Record<'session' | 'peer' | 'client' | 'user' | 'tokenId', string | undefined>>;

/** What is said in the log of one session, and who it is. */
export class SessionLog {
  readonly id = randomUUID();
  readonly #peer: string;
  readonly #logs: SessionLogs;
  /** As the client names itself in Hello. */
  #client: string | undefined;
  #access: Pick<Access, 'user' | 'tokenId'> | undefined;

  constructor(peer: string, logs: SessionLogs) {
    this.#peer = peer;
    this.#logs = logs;
  }

  /** @param access whose token it has */
  begins(client: string, access: Pick<Access, 'user' | 'tokenId'>): void {
    this.#client = client.slice(0, MAX_CLIENT_NAME);
    this.#access = access;
    this.#logs.sampledLog.info(this.#facts, 'a session begins');
  }

  /** Of one that did not begin nothing is said. */
  ends(): void {
    if (this.#client !== undefined) this.#logs.sampledLog.info(this.#facts, 'a session ends');
  }

  info(message: string): void {
    this.#logs.logger.info(this.#facts, message);
  }

  /** What the client is to be told of an error; what it is not told is logged. */
  refuse(error: unknown, message: string, facts?: { readonly room: string }): Failure {
    return this.#logs.refusals.refuse(error, { ...this.#facts, ...facts }, message);
  }

  get #facts(): SessionFacts {
    const { user, tokenId } = this.#access ?? {};
    return { session: this.id, peer: this.#peer, client: this.#client, user, tokenId };
  }
}
