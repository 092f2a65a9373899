import type { KnownReason } from '../../protos/reasons.ts';
import type { Grant } from './grant.ts';

/** Who has brought a token. */
export type TokenBearer = Pick<Grant, 'user' | 'tokenId'>;

/** A token that is not taken, or cannot be judged now. The text is for whoever brought it: it tells nothing of our keys. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
  readonly reason: Extract<KnownReason, `TOKEN_${string}` | 'USER_BANNED' | 'AUTHENTICATION_UNAVAILABLE'>;

  /** Whose token it is, where its signature is good. */
  readonly bearer: TokenBearer | undefined;

  constructor(
    reason: TokenError['reason'],
    message: string,
    options: ErrorOptions & { readonly bearer?: TokenBearer } = {},
  ) {
    super(message, options);
    this.reason = reason;
    this.bearer = options.bearer;
  }
}
