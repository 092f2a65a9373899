/** Times are kept in whole microseconds: exact for milliseconds with up to three decimals. */
export const microsOf = (ms: number): number => Math.round(ms * 1_000);

/** In milliseconds. */
export const msOf = (micros: number): number => micros / 1_000;
