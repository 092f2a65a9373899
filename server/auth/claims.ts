import type { JWTPayload } from 'jose';
import { isRight, isRoomPattern, ROLES } from '../../protos/rights.ts';
import type { Grant, Rule } from './grant.ts';
import type { TokenLimits } from './limits.ts';
import { isLimit, isLimitName } from './limits.ts';
import { TokenError } from './token-error.ts';

/* The claims of a token (docs/authentication.md has them as a table). Their signature and times have been checked. */

const SECOND_MS = 1_000;
const MAX_USER_BYTES = 256;
/** One that is longer could not be revoked: it would be the key of an entry. */
const MAX_ID_BYTES = 256;
/** A token is looked at with each join and publish. */
const MAX_LIST = 100;
/** Half a character (a surrogate by itself) is another one as soon as it is sent. */
// eslint-disable-next-line no-control-regex -- these are the characters to refuse
const UNFIT_PATTERN = /[\u0000-\u001f\u007f\p{Surrogate}]/u;

/**
 * What a token's claims allow. Rights and roles that are not known here give nothing; everything else that does not fit is refused.
 * @throws TokenError TOKEN_INVALID that names the claim
 */
export function grantOf(payload: JWTPayload): Grant {
  const rules = [
    ruleOf(payload, 'viewer'),
    ...listOf(payload, 'grants', objectOf).map((rule) => ruleOf(rule)),
  ];
  return {
    user: userOf(payload.sub),
    tokenId: idOf(payload.jti),
    expiresAtMs: payload.exp === undefined ? Infinity : payload.exp * SECOND_MS,
    rules,
    limits: limitsOf(payload['limits']),
  };
}

/** @param otherwise the role of a rule that names neither roles nor rights */
function ruleOf(claims: Readonly<Record<string, unknown>>, otherwise?: string): Rule {
  const rooms = claims['rooms'] === undefined ? ['*'] : listOf(claims, 'rooms', roomPatternOf);
  const silent = claims['roles'] === undefined && claims['allow'] === undefined;
  const roles = silent && otherwise !== undefined ? [otherwise] : listOf(claims, 'roles', textOf);
  const allowed = listOf(claims, 'allow', textOf).filter(isRight);
  const ofRoles = roles.flatMap((role) => ROLES.get(role) ?? []);
  return { rooms, rights: [...new Set([...ofRoles, ...allowed])] };
}

function userOf(sub: unknown): string {
  if (typeof sub !== 'string' || sub === '') throw invalid('sub', 'has to name the user');
  if (Buffer.byteLength(sub) > MAX_USER_BYTES || UNFIT_PATTERN.test(sub))
    throw invalid('sub', `has to be at most ${MAX_USER_BYTES} bytes without control characters or half ones`);
  // A header of NATS has no space around its value: the sender of his messages would be somebody else.
  if (sub !== sub.trim()) throw invalid('sub', 'has to begin and end with something else than space');
  return sub;
}

function idOf(jti: unknown): string | undefined {
  if (jti === undefined) return undefined;
  if (typeof jti !== 'string' || jti === '' || Buffer.byteLength(jti) > MAX_ID_BYTES)
    throw invalid('jti', `has to be a text of 1 to ${MAX_ID_BYTES} bytes`);
  return jti;
}

/** Names that are not known here limit nothing: an application may have limits of its own. */
function limitsOf(value: unknown): TokenLimits | undefined {
  if (value === undefined) return undefined;
  const entries = Object.entries(objectOf('limits', value)).filter(([name]) => isLimitName(name));
  const limits = new Map<string, number>();
  for (const [name, perSecond] of entries) {
    if (!isLimit(perSecond)) throw invalid('limits', `has to have a number a second as ${name}, above 0`);
    limits.set(name, perSecond);
  }
  if (limits.size > MAX_LIST) throw invalid('limits', `has to have at most ${MAX_LIST}`);
  return limits;
}

/** A claim that is a list; an absent one is empty. */
function listOf<T>(
  claims: Readonly<Record<string, unknown>>,
  name: string,
  read: (name: string, item: unknown) => T,
): T[] {
  const value = claims[name] ?? [];
  if (!Array.isArray(value) || value.length > MAX_LIST)
    throw invalid(name, `has to be a list of at most ${MAX_LIST}`);
  return value.map((item) => read(name, item));
}

function textOf(name: string, item: unknown): string {
  if (typeof item === 'string') return item;
  throw invalid(name, 'has to be a list of strings');
}

function roomPatternOf(name: string, item: unknown): string {
  const text = textOf(name, item);
  if (isRoomPattern(text)) return text;
  throw invalid(name, 'has to be a list of room names, in each of which one * may stand for the rest');
}

function objectOf(name: string, item: unknown): Readonly<Record<string, unknown>> {
  if (typeof item === 'object' && item !== null && !Array.isArray(item))
    return item as Record<string, unknown>;
  throw invalid(name, name === 'limits' ? 'has to be an object' : 'has to be a list of objects');
}

function invalid(claim: string, problem: string): TokenError {
  return new TokenError('TOKEN_INVALID', `the token is refused: its claim ${claim} ${problem}`);
}
