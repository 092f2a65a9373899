import type { Right } from '../../protos/rights.ts';
import { matchesRoomPattern, ROLES } from '../../protos/rights.ts';
import type { TokenLimits } from './limits.ts';

/** Rights in the rooms whose names match one of the patterns. */
export interface Rule {
  /** Room names, in which one `*` stands for any number of characters. */
  readonly rooms: readonly string[];
  readonly rights: readonly Right[];
}

/** What somebody may do, and until when. */
export interface Grant {
  /** Undefined: nobody was asked who he is. */
  readonly user: string | undefined;
  /** The token's name (`jti`), if it has one. */
  readonly tokenId: string | undefined;
  /** In milliseconds since the Unix epoch; Infinity: for good. */
  readonly expiresAtMs: number;
  readonly rules: readonly Rule[];
  /** Rates of publishing; undefined: those of the gateway. */
  readonly limits: TokenLimits | undefined;
}

/** Where nobody is asked for a token, everybody may do everything. */
export const EVERYTHING: Grant = {
  user: undefined,
  tokenId: undefined,
  expiresAtMs: Infinity,
  rules: [{ rooms: ['*'], rights: ROLES.get('service') ?? [] }],
  limits: undefined,
};

/** Whether a grant includes a right in a room. */
export function allows({ rules }: Grant, right: Right, room: string): boolean {
  return rules.some(
    ({ rooms, rights }) =>
      rights.some((given) => includes(given, right)) &&
      rooms.some((pattern) => matchesRoomPattern(pattern, room)),
  );
}

/** Whether a grant includes a right in every room. */
export function allowsEverywhere({ rules }: Grant, right: Right): boolean {
  return rules.some(
    ({ rooms, rights }) => rooms.includes('*') && rights.some((given) => includes(given, right)),
  );
}

function includes(given: Right, asked: Right): boolean {
  return given === asked || (given === 'publish:*' && asked.startsWith('publish:'));
}
