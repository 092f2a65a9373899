import type { Clock } from '../../common/clock.ts';
import type { BanRequest } from '../../protos/gen/live/v1/BanRequest.ts';
import type { BanResponseInput } from '../../protos/gen/live/v1/BanResponse.ts';
import type { DisconnectRequest } from '../../protos/gen/live/v1/DisconnectRequest.ts';
import type { RevokeTokenRequest } from '../../protos/gen/live/v1/RevokeTokenRequest.ts';
import type { UnbanRequest } from '../../protos/gen/live/v1/UnbanRequest.ts';
import type { Excluded } from '../auth/exclusion-key.ts';
import { exclusionKey } from '../auth/exclusion-key.ts';
import { encodeTerm } from '../auth/exclusion-term.ts';
import type { AuditLog } from '../observability/audit-log.ts';
import type { BucketWriter } from '../upstream/bucket.ts';
import { BucketError } from '../upstream/bucket.ts';
import type { Access } from './access.ts';
import { Failure } from './failure.ts';

const MAX_TEXT_BYTES = 256;
/** A hundred years. */
const MAX_FOR_MS = 100 * 366 * 86_400_000;
// eslint-disable-next-line no-control-regex -- these are the characters to refuse
const UNFIT_PATTERN = /[\u0000-\u001f\u007f\p{Surrogate}]/u;

/** Who moderates. */
export interface Moderator {
  readonly access: Access;
  /** The other end of its connection. */
  readonly group: string;
}

/** What moderation depends on. */
export interface ModerationDependencies {
  /** Where it is kept who is excluded; undefined: nobody is asked who he is. */
  readonly store: BucketWriter | undefined;
  readonly audit: Pick<AuditLog, 'action'>;
  readonly clock: Clock;
}

/** What moderators do. Each method resolves when it is stored, and holds at this gateway; all others follow within a second. */
export class Moderation {
  readonly #dependencies: ModerationDependencies;

  constructor(dependencies: ModerationDependencies) {
    this.#dependencies = dependencies;
  }

  /** @throws Failure */
  async ban({ user, forMs, reason }: BanRequest, moderator: Moderator): Promise<BanResponseInput> {
    const excluded = { kind: 'ban', name: requireName('user', user) } as const;
    requireText('reason', reason);
    const untilMs = this.#end(forMs);
    await this.#exclude(excluded, { untilMs, reason }, moderator, 'a user is banned');
    return untilMs === undefined ? {} : { untilMs };
  }

  /** @throws Failure */
  async unban({ user }: UnbanRequest, moderator: Moderator): Promise<object> {
    const excluded = { kind: 'ban', name: requireName('user', user) } as const;
    await this.#do(moderator, (store) => store.remove(exclusionKey(excluded)));
    this.#note({ user }, moderator, 'a user is banned no longer');
    return {};
  }

  /** @throws Failure */
  async disconnect({ user }: DisconnectRequest, moderator: Moderator): Promise<object> {
    const excluded = { kind: 'disconnect', name: requireName('user', user) } as const;
    await this.#exclude(excluded, { reason: '' }, moderator, 'the streams of a user are ended');
    return {};
  }

  /** @throws Failure */
  async revokeToken({ tokenId, reason, forMs }: RevokeTokenRequest, moderator: Moderator): Promise<object> {
    const excluded = { kind: 'token', name: requireName('token_id', tokenId) } as const;
    requireText('reason', reason);
    await this.#exclude(excluded, { untilMs: this.#end(forMs), reason }, moderator, 'a token is revoked');
    return {};
  }

  async #exclude(
    excluded: Excluded,
    { untilMs, reason }: { readonly untilMs?: number | undefined; readonly reason: string },
    moderator: Moderator,
    message: string,
  ): Promise<void> {
    const until = untilMs === undefined ? undefined : new Date(untilMs).toISOString();
    const value = encodeTerm({ until, reason, by: moderator.access.user ?? '' });
    await this.#do(moderator, (store) => store.put(exclusionKey(excluded), value));
    const whom = excluded.kind === 'token' ? { tokenId: excluded.name } : { user: excluded.name };
    this.#note({ ...whom, until, ...(reason !== '' && { reason }) }, moderator, message);
  }

  async #do({ access }: Moderator, write: (store: BucketWriter) => Promise<void>): Promise<void> {
    const { store } = this.#dependencies;
    if (store === undefined)
      throw new Failure(
        'MODERATION_UNAVAILABLE',
        'this gateway asks nobody for a token, so it knows no users: start it with --jwt-secret-file, --jwt-public-key or --jwks-url',
      );
    access.requireModerate();
    try {
      await write(store);
    } catch (error) {
      if (!(error instanceof BucketError)) throw error;
      if (error.kind === 'forbidden')
        throw new Failure('MODERATION_UNAVAILABLE', error.message, { cause: error });
      const text = `${error.message}; it may hold all the same: ask for it again`;
      throw new Failure('UPSTREAM_UNAVAILABLE', text, { cause: error });
    }
  }

  #note(facts: object, { access, group }: Moderator, message: string): void {
    const by = { user: access.user, tokenId: access.tokenId, peer: group };
    this.#dependencies.audit.action({ ...facts, by }, message);
  }

  /** When it is over, in milliseconds since the Unix epoch; undefined: never. */
  #end(forMs: string): number | undefined {
    const ms = Number(forMs);
    if (ms > MAX_FOR_MS)
      throw new Failure('REQUEST_INVALID', 'for_ms: at most a hundred years; 0 is for good');
    return ms === 0 ? undefined : this.#dependencies.clock.wallMs() + ms;
  }
}

function requireName(what: string, name: string): string {
  if (name === '') throw new Failure('REQUEST_INVALID', `${what}: whom is it about?`);
  requireText(what, name);
  return name;
}

function requireText(what: string, text: string): void {
  if (Buffer.byteLength(text) <= MAX_TEXT_BYTES && !UNFIT_PATTERN.test(text)) return;
  throw new Failure('REQUEST_INVALID', `${what}: at most ${MAX_TEXT_BYTES} bytes without control characters`);
}
