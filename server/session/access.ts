import type { Right } from '../../protos/rights.ts';
import type { Grant } from '../auth/grant.ts';
import { allows, allowsEverywhere, EVERYTHING } from '../auth/grant.ts';
import type { TokenLimits } from '../auth/limits.ts';
import { TokenError } from '../auth/token-error.ts';
import { Failure } from './failure.ts';
import type { Spender } from './user-rates.ts';

/** The client is asked for a new token so long before the end of the old one, or at half its time if that is later. In milliseconds. */
const ANNOUNCE_MS = 60_000;

/** A token that is about to end, or has: of a room, or of the stream itself (empty). */
export interface TokenNotice {
  readonly kind: 'expiring' | 'expired';
  readonly room: string;
  readonly expiresInMs: number;
}

/** A token that counts no longer: of a room, or of the stream itself (empty). */
export interface LostToken {
  readonly room: string;
  /** Why. */
  readonly error: Error;
}

interface Held {
  /** Empty: the stream. */
  readonly room: string;
  readonly grant: Grant;
  /** When its end is to be announced; Infinity: it has been. */
  announceAtMs: number;
}

/** What one caller may do: by the token of the stream or call, and those of single rooms. What any of them allows is allowed. */
export class Access {
  #held: readonly Held[];

  /** @param wallMs now, in milliseconds since the Unix epoch */
  constructor(grant: Grant, wallMs: number) {
    this.#held = [held('', grant, wallMs)];
  }

  /** Undefined: nobody asked. */
  get user(): string | undefined {
    return this.#held[0]?.grant.user;
  }

  /**
   * Whose rates it counts for.
   * @param group who it is where nobody is asked for a token
   */
  spender(group: string): Spender {
    const { user } = this;
    return { name: user === undefined ? `group ${group}` : `user ${user}`, limits: this.#limits };
  }

  /** The name of the token of the stream or call; undefined: it has none. */
  get tokenId(): string | undefined {
    return this.#held[0]?.grant.tokenId;
  }

  mayWatch(room: string): boolean {
    return this.#allows('watch', room);
  }

  /** @throws Failure NOT_PERMITTED */
  requireWatch(room: string): void {
    this.#require('watch', room, `watch room ${room}`);
  }

  /**
   * Moderates all rooms: a token for one of them is not enough.
   * @throws Failure NOT_PERMITTED
   */
  requireModerate(): void {
    if (this.#held.some(({ room, grant }) => room === '' && allowsEverywhere(grant, 'moderate'))) return;
    throw new Failure('NOT_PERMITTED', 'the token does not allow to moderate every room (*)');
  }

  mayModerateIn(room: string): boolean {
    return this.#allows('moderate', room);
  }

  /**
   * Moderates a room, as publishing some types there takes.
   * @throws Failure NOT_PERMITTED
   */
  requireModerateIn(room: string, type: string): void {
    this.#require('moderate', room, `publish ${type} in room ${room}, which only its moderators may`);
  }

  /**
   * Who is the sender of a message.
   * @param claimed as the client says; empty: not at all
   * @throws Failure NOT_PERMITTED if it may not be published, or not in that name
   */
  senderOf(room: string, type: string, claimed: string): string {
    this.#require(`publish:${type}`, room, `publish ${type} in room ${room}`);
    const { user } = this;
    if (claimed === '') return user ?? '';
    if (claimed !== user && !this.#allows('speak-for-others', room)) {
      const text = `the token does not allow to publish as ${JSON.stringify(claimed)}: leave the sender out`;
      throw new Failure('NOT_PERMITTED', text);
    }
    return claimed;
  }

  /**
   * Takes a token for the stream, in place of the one before, or for a room.
   * @throws TokenError if it is another user's
   */
  take(room: string, grant: Grant, wallMs: number): void {
    if (grant.user !== this.user)
      throw new TokenError('TOKEN_INVALID', 'the token is refused: its user (sub) is not that of the stream');
    const others = this.#held.filter((other) => other.room !== room);
    const taken = held(room, grant, wallMs);
    this.#held = room === '' ? [taken, ...others] : [...others, taken];
  }

  /** The room has been left: its token counts no longer. */
  drop(room: string): void {
    if (this.#held.some((other) => other.room === room))
      this.#held = this.#held.filter((other) => other.room !== room);
  }

  /** Tokens of which there is something to be told: each end is announced once; one of a room that is over counts no longer. */
  sweep(wallMs: number, graceMs: number): TokenNotice[] {
    const notices: TokenNotice[] = [];
    for (const token of this.#held) {
      const { room, grant, announceAtMs } = token;
      const expiresInMs = Math.max(0, grant.expiresAtMs - wallMs);
      if (wallMs >= grant.expiresAtMs + graceMs) notices.push({ kind: 'expired', room, expiresInMs });
      else if (wallMs >= announceAtMs) {
        token.announceAtMs = Infinity;
        notices.push({ kind: 'expiring', room, expiresInMs });
      }
    }
    for (const { kind, room } of notices) if (kind === 'expired' && room !== '') this.drop(room);
    return notices;
  }

  /**
   * Tokens that count no longer although their time is not over: those that `judge` throws for. One of a room is dropped.
   * @param judge of a grant
   */
  review(judge: (grant: Grant) => void): LostToken[] {
    const lost: LostToken[] = [];
    for (const { room, grant } of this.#held) {
      try {
        judge(grant);
      } catch (error) {
        lost.push({ room, error: error as Error });
      }
    }
    for (const { room } of lost) if (room !== '') this.drop(room);
    return lost;
  }

  /** Rates that the token of the stream or call sets; undefined: none. */
  get #limits(): TokenLimits | undefined {
    return this.#held[0]?.grant.limits;
  }

  #require(right: Right, room: string, what: string): void {
    if (this.#allows(right, room)) return;
    throw new Failure('NOT_PERMITTED', `the token does not allow to ${what}`);
  }

  #allows(right: Right, room: string): boolean {
    return this.#held.some(
      (token) => (token.room === '' || token.room === room) && allows(token.grant, right, room),
    );
  }
}

/** That of everybody where nobody is asked for a token: one for all, since it never changes. */
export const OPEN_ACCESS = new Access(EVERYTHING, 0);

function held(room: string, grant: Grant, wallMs: number): Held {
  const leftMs = grant.expiresAtMs - wallMs;
  return { room, grant, announceAtMs: grant.expiresAtMs - Math.min(ANNOUNCE_MS, leftMs / 2) };
}
