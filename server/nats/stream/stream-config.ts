import type { StreamConfig, StreamInfo } from 'nats';
import type { StreamRequirements } from './stream-fields.ts';
import { STREAM_FIELDS } from './stream-fields.ts';

/** Objects whose parts have rules of their own. */
const OBJECTS = new Set(['republish', 'consumer_limits']);

/** A field of the stream that is not what it must be. */
export interface Difference {
  readonly field: string;
  readonly found: unknown;
  readonly wanted: unknown;
  readonly why: string;
  /** Flags of `nats stream edit`; undefined when only a new stream can have it. */
  readonly flags: readonly string[] | undefined;
}

/**
 * Whether the promises to viewers and publishers hold on a stream.
 * - `unfit`: they do not, `differences` says why.
 *
 * Both tell `disagreements`, what the gateway's settings say otherwise, and `unknown`, the fields of a NATS that is newer than
 * this table.
 */
export type StreamJudgement = {
  readonly disagreements: readonly Difference[];
  readonly unknown: readonly string[];
} & (
  | { readonly kind: 'fit' }
  | { readonly kind: 'unfit'; readonly differences: readonly [Difference, ...Difference[]] }
);

/**
 * Judges a stream as STREAM.INFO describes it, now or while running: operators edit streams.
 * @param serverVersion of NATS, such as `2.10.29`: not every version can edit every field
 */
export function judgeStream(
  { config }: Pick<StreamInfo, 'config'>,
  requirements: StreamRequirements,
  serverVersion: string,
): StreamJudgement {
  const found = fieldsOf(config);
  const unknown = [...found.keys()].filter((field) => STREAM_FIELDS[field] === undefined);
  const differences: Difference[] = [];
  const disagreements: Difference[] = [];
  for (const [field, rule] of Object.entries(STREAM_FIELDS)) {
    if (rule.kind === 'harmless') continue;
    const value = found.get(field);
    const wanted = rule.wanted(requirements);
    if (rule.fits?.(value, requirements) ?? JSON.stringify(value) === JSON.stringify(wanted)) continue;
    const flags = isOlder(serverVersion, rule.editableSince)
      ? undefined
      : rule.editFlags?.(requirements, value);
    const difference = { field, found: value, wanted, why: rule.why, flags };
    (rule.kind === 'setting' ? disagreements : differences).push(difference);
  }
  const [first, ...others] = differences;
  if (first === undefined) return { kind: 'fit', disagreements, unknown };
  return { kind: 'unfit', differences: [first, ...others], disagreements, unknown };
}

/** The fields of a configuration, those of {@link OBJECTS} part by part. The NATS client passes on what it does not know. */
function fieldsOf(config: StreamConfig): Map<string, unknown> {
  const fields = Object.entries(config as object) as [string, unknown][];
  return new Map(
    fields.flatMap(([field, value]) =>
      OBJECTS.has(field) && value !== null && typeof value === 'object'
        ? Object.entries(value).map(([part, inner]): [string, unknown] => [`${field}.${part}`, inner])
        : [[field, value]],
    ),
  );
}

/** Whether a version of NATS, such as `2.10.29`, is before the one `needed`; nothing is before undefined. */
export function isOlder(version: string, needed: readonly [number, number] | undefined): boolean {
  if (needed === undefined) return false;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < needed[0] || (major === needed[0] && minor < needed[1]);
}

/** What a person reads of a stream that cannot be used: every difference, and the command that fixes them. */
export function describeDifferences(stream: string, differences: readonly Difference[]): string {
  const lines = differences.map(
    ({ field, found, wanted, why }) =>
      `  ${field}: is ${found === undefined ? 'not set' : JSON.stringify(found)}, must be ${wanted === undefined ? 'off' : JSON.stringify(wanted)} (${why})`,
  );
  const stuck = differences.filter(({ flags }) => flags === undefined).map(({ field }) => field);
  const flags = new Set(differences.flatMap((difference) => difference.flags ?? []));
  // A stream is judged as a mirror only if it was one.
  const promoted = differences.some(({ field, found }) => field === 'mirror' && found === undefined);
  const remedy = promoted
    ? `It is no mirror any more: if it has taken the place of its origin (docs/scale.md), restart this gateway`
    : stuck.length > 0
      ? `No flag of nats stream edit fixes ${stuck.join(', ')}: use another --stream, or delete this one with all its messages: nats stream rm ${stream}`
      : `Fix it: nats stream edit ${stream} ${[...flags].join(' ')}`;
  const isSetting = ({ field }: Difference): boolean => STREAM_FIELDS[field]?.kind === 'setting';
  const other = differences.every(isSetting)
    ? '\nor start the gateway with settings that agree with it.'
    : '';
  return `the stream ${stream} exists with another configuration:\n${lines.join('\n')}\n${remedy}${other}`;
}
