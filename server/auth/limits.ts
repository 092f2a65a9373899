/** How often a second, as a token sets it by itself, by names: `join`, `read`, `publish` of all, `ephemeral`, `publish:TYPE` of one type. */
export type TokenLimits = ReadonlyMap<string, number>;

const NAME_PATTERN = /^(join|read|publish|ephemeral|publish:[A-Za-z0-9_.-]{1,64})$/;
const MAX_PER_SECOND = 1_000_000;

/** Whether a limit is known here. */
export const isLimitName = (name: string): boolean => NAME_PATTERN.test(name);

/** Whether a limit may be so many a second. */
export function isLimit(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value <= MAX_PER_SECOND;
}
