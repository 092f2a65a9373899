/** Something that a token may allow in a room (docs/authentication.md). `publish:*` includes every type. */
export type Right = 'watch' | 'moderate' | 'speak-for-others' | `publish:${string}`;

const RIGHT_PATTERN = /^(watch|moderate|speak-for-others|publish:([A-Za-z0-9_.-]{1,64}|\*))$/;

/** The rights that a role stands for. Applications put roles of their own into the same claim: those give nothing here. */
export const ROLES: ReadonlyMap<string, readonly Right[]> = new Map<string, readonly Right[]>([
  ['viewer', ['watch', 'publish:comment', 'publish:like']],
  ['publisher', ['watch', 'publish:*']],
  ['moderator', ['watch', 'publish:*', 'moderate']],
  ['service', ['watch', 'publish:*', 'moderate', 'speak-for-others']],
]);

/** What the claim `allow` may list. */
export function isRight(text: string): text is Right {
  return RIGHT_PATTERN.test(text);
}

const ROOM_PATTERN = /^(?=.{1,64}$)[A-Za-z0-9_-]*\*?[A-Za-z0-9_-]*$/;

/** A room name, in which one `*` may stand for any number of characters. */
export function isRoomPattern(text: string): boolean {
  return ROOM_PATTERN.test(text);
}

/** Whether a room's name fits a pattern. */
export function matchesRoomPattern(pattern: string, room: string): boolean {
  const [before = '', after] = pattern.split('*');
  if (after === undefined) return pattern === room;
  return room.length >= before.length + after.length && room.startsWith(before) && room.endsWith(after);
}
