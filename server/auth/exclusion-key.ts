/** What an entry is about: a user who is banned, or whose streams are ended, or a token (`jti`) that is revoked. */
export const EXCLUSION_KINDS = ['ban', 'disconnect', 'token'] as const;

/** See {@link EXCLUSION_KINDS}. */
export type ExclusionKind = (typeof EXCLUSION_KINDS)[number];

/** Whom or what an entry excludes. */
export interface Excluded {
  readonly kind: ExclusionKind;
  /** The user (`sub`), or the token's own name (`jti`). */
  readonly name: string;
}

/** What stands for itself in a key. Keys of NATS have no other characters but `.` and `/`. */
const PLAIN_PATTERN = /^[A-Za-z0-9_-]+$/;
/** Comes before a name in base64url: no plain name has it. */
const ENCODED = '=';

/** The key of an entry: `ban.ann`, and for a name with other characters than A-Z a-z 0-9 _ - in base64url `ban.=YW5uQGV4YW1wbGUuY29t`. */
export function exclusionKey({ kind, name }: Excluded): string {
  const text = PLAIN_PATTERN.test(name) ? name : `${ENCODED}${Buffer.from(name).toString('base64url')}`;
  return `${kind}.${text}`;
}

/** Whom or what a key is about; undefined if it is none that {@link exclusionKey} makes. */
export function excludedBy(key: string): Excluded | undefined {
  const [before = '', text = '', ...more] = key.split('.');
  const kind = EXCLUSION_KINDS.find((known) => known === before);
  if (kind === undefined || text === '' || more.length > 0) return undefined;
  const name = text.startsWith(ENCODED) ? Buffer.from(text.slice(1), 'base64url').toString() : text;
  return name !== '' && exclusionKey({ kind, name }) === key ? { kind, name } : undefined;
}
