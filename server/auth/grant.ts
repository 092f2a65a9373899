/** Something that may be done in a room. `publish:*` includes every type. */
export type Right = 'watch' | 'moderate' | 'speak-for-others' | `publish:${string}`;

/** The rights that a role stands for. Applications put roles of their own into the same claim: those give nothing here. */
export const ROLES: Readonly<Record<string, readonly Right[]>> = {
  viewer: ['watch', 'publish:comment', 'publish:like'],
  publisher: ['watch', 'publish:*'],
  moderator: ['watch', 'publish:*', 'moderate'],
  service: ['watch', 'publish:*', 'moderate', 'speak-for-others'],
};

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
}

/** Where nobody is asked for a token, everybody may do everything. */
export const EVERYTHING: Grant = {
  user: undefined,
  tokenId: undefined,
  expiresAtMs: Infinity,
  rules: [{ rooms: ['*'], rights: ROLES['service'] as readonly Right[] }],
};

/** Whether a grant includes a right in a room. */
export function allows({ rules }: Grant, right: Right, room: string): boolean {
  return rules.some(
    ({ rooms, rights }) =>
      rights.some((given) => includes(given, right)) && rooms.some((pattern) => matches(pattern, room)),
  );
}

function includes(given: Right, asked: Right): boolean {
  return given === asked || (given === 'publish:*' && asked.startsWith('publish:'));
}

function matches(pattern: string, room: string): boolean {
  const [before = '', after] = pattern.split('*');
  if (after === undefined) return pattern === room;
  return room.length >= before.length + after.length && room.startsWith(before) && room.endsWith(after);
}
