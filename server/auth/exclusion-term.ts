/** For how long somebody is excluded, and why. */
export interface ExclusionTerm {
  /** In milliseconds since the Unix epoch; Infinity: for good. */
  readonly untilMs: number;
  /** For whoever is excluded; empty: nothing is said. */
  readonly reason: string;
}

/** What is kept under a key of the bucket. */
export interface ExclusionRecord {
  /** ISO 8601; undefined: for good. */
  readonly until: string | undefined;
  readonly reason: string;
  /** Who has decided so. */
  readonly by: string;
}

/** As it is kept. */
export function encodeTerm({ until, reason, by }: ExclusionRecord): string {
  return JSON.stringify({ until, reason: reason === '' ? undefined : reason, by });
}

/**
 * What a value says; an empty one is for good. People write values with tools of their own.
 * @throws when it cannot be understood
 */
export function parseTerm(value: string): ExclusionTerm {
  if (value.trim() === '') return { untilMs: Infinity, reason: '' };
  const told = JSON.parse(value) as { until?: unknown; reason?: unknown } | null;
  if (typeof told !== 'object' || told === null || Array.isArray(told))
    throw new Error('it is no JSON object');
  const { until, reason = '' } = told;
  if (typeof reason !== 'string') throw new Error('its "reason" is no text');
  return { untilMs: timeOf(until), reason };
}

function timeOf(until: unknown): number {
  if (until === undefined || until === null) return Infinity;
  const ms = typeof until === 'string' ? Date.parse(until) : NaN;
  if (Number.isNaN(ms)) throw new Error('its "until" is no time such as "2026-12-31T23:59:59Z"');
  return ms;
}
