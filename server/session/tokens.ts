import type { Clock } from '../../common/clock.ts';
import type { Join } from '../../protos/gen/live/v1/Join.ts';
import type { Renew } from '../../protos/gen/live/v1/Renew.ts';
import type { ServerFrameInput } from '../../protos/live.ts';
import { isRoomName } from '../../protos/vocabulary.ts';
import type { Grant } from '../auth/grant.ts';
import type { Disconnected, Exclusions } from '../auth/exclusions.ts';
import type { TokenVerifier } from '../auth/token-verifier.ts';
import { Access } from './access.ts';
import { Failure } from './failure.ts';
import { tokenExpiringFrame } from './frames.ts';
import type { Subscriptions } from './subscriptions.ts';

/** The session whose tokens they are. */
export interface TokenHolder {
  /** False once nothing more is accepted of the client: what is learnt of its tokens is of no interest. */
  readonly accepting: boolean;
  /** Nothing is read of the client until the function that this gives is called: what it may do depends on a token. */
  holdReading(): () => void;
  send(frame: ServerFrameInput): void;
  failed(error: unknown): void;
}

/** What judging tokens takes. */
export interface TokensDependencies {
  readonly verifier: TokenVerifier;
  readonly exclusions: Pick<Exclusions, 'require'>;
  readonly clock: Clock;
  /** For how long after its end a token counts, in milliseconds. */
  readonly graceMs: number;
}

/** The tokens of one session: verified when they come, announced before they end, and missed when they have ended. */
export class Tokens {
  readonly #holder: TokenHolder;
  readonly #subscriptions: Subscriptions;
  readonly #dependencies: TokensDependencies;
  #access: Access | undefined;

  constructor(holder: TokenHolder, subscriptions: Subscriptions, dependencies: TokensDependencies) {
    this.#holder = holder;
    this.#subscriptions = subscriptions;
    this.#dependencies = dependencies;
  }

  /** That of Hello, or of the stream. */
  hello(token: string | undefined, greet: (access: Access) => void): void {
    this.#verify(
      token,
      (grant) => greet((this.#access = new Access(grant, this.#dependencies.clock.wallMs()))),
      (error) => this.#holder.failed(error),
    );
  }

  /** A Join, with a token of its own or without. */
  join(join: Join): void {
    const { room, token } = join;
    if (token === '') return this.#subscriptions.join(join);
    this.#verify(
      token,
      (grant) => {
        // Refused, whatever it brings: what lets the room be watched that is joined, or the stream, stays what it is.
        if (!isRoomName(room) || this.#has(room)) return this.#subscriptions.join(join);
        this.#take(room, grant);
        this.#subscriptions.join(join);
        if (!this.#has(room)) this.#access?.drop(room);
      },
      (error) => this.#subscriptions.refuse(room, error),
    );
  }

  /** One that takes the place of another. Of a room that the client has nothing to do with any more, as with Ack and Credit, nothing comes of it. */
  renew({ token, room }: Renew): void {
    this.#verify(
      token,
      (grant) => {
        if (room !== '' && !this.#has(room)) return;
        this.#take(room, grant);
        this.#holder.send({ tokenRenewed: { room } });
        this.#loseForbidden();
      },
      (error) => (room === '' ? this.#holder.failed(error) : this.#subscriptions.lose(room, error)),
    );
  }

  /** Called from time to time: announces ends, and puts them into effect. */
  sweep(): void {
    const { clock, graceMs } = this.#dependencies;
    for (const { kind, room, expiresInMs } of this.#access?.sweep(clock.wallMs(), graceMs) ?? []) {
      if (!this.#holder.accepting) return;
      if (kind === 'expiring') this.#holder.send(tokenExpiringFrame(room, expiresInMs));
      else if (room === '') this.#holder.failed(expired());
      else if (!this.#access?.mayWatch(room)) this.#subscriptions.lose(room, expired());
    }
  }

  /** Somebody else is excluded than before: it may be this one, or one of the tokens. */
  review(disconnected: Disconnected): void {
    const access = this.#access;
    if (access?.user === undefined || !this.#holder.accepting) return;
    if (disconnected.has(access.user)) return this.#holder.failed(disconnectedByModerator());
    for (const { room, error } of access.review((grant) => this.#dependencies.exclusions.require(grant))) {
      // The stream's comes first.
      if (room === '') return this.#holder.failed(error);
      if (!access.mayWatch(room)) this.#subscriptions.lose(room, error);
    }
  }

  /** Clocks may differ by more than the time of grace. What would be ended at once is not begun: a client would come again at once, and again. */
  #requireTime({ expiresAtMs }: Grant): void {
    const { clock, graceMs } = this.#dependencies;
    if (clock.wallMs() >= expiresAtMs + graceMs) throw expired();
  }

  #has(room: string): boolean {
    return this.#subscriptions.names.includes(room);
  }

  #take(room: string, grant: Grant): void {
    this.#access?.take(room, grant, this.#dependencies.clock.wallMs());
  }

  #verify(token: string | undefined, take: (grant: Grant) => void, refused: (error: unknown) => void): void {
    const readOn = this.#holder.holdReading();
    this.#dependencies.verifier
      .verify(token)
      .then((grant) => {
        if (!this.#holder.accepting) return;
        // Here, and not where the signature is checked: who is excluded from the next moment on is looked for among those that are taken.
        this.#dependencies.exclusions.require(grant);
        this.#requireTime(grant);
        take(grant);
      })
      .catch((error: unknown) => {
        if (this.#holder.accepting) refused(error);
      })
      .finally(readOn);
  }

  /** What was allowed by the token before need not be by the new one. */
  #loseForbidden(): void {
    for (const room of this.#subscriptions.names) {
      if (!this.#access?.mayWatch(room)) this.#subscriptions.lose(room, notPermitted(room));
    }
  }
}

function expired(): Failure {
  return new Failure('TOKEN_EXPIRED', 'the token has expired: come again with a new one');
}

function disconnectedByModerator(): Failure {
  return new Failure('DISCONNECTED', 'a moderator has ended all streams of the user');
}

function notPermitted(room: string): Failure {
  return new Failure('NOT_PERMITTED', `the new token does not allow to watch room ${room}`);
}
