import type { KnownReason } from '../../protos/reasons.ts';

/** A token that is not taken, or cannot be judged now. The text is for whoever brought it: it tells nothing of our keys. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
  readonly reason: Extract<KnownReason, `TOKEN_${string}` | 'USER_BANNED' | 'AUTHENTICATION_UNAVAILABLE'>;

  constructor(reason: TokenError['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
