/** What can be wrong between a gateway and NATS; `UpstreamCause` of the protocol says what each means. The worst first. */
export const UPSTREAM_CAUSES = [
  'NATS_UNREACHABLE',
  'JETSTREAM_UNAVAILABLE',
  'STREAM_MISSING',
  'STREAM_UNFIT',
  'READS_FAILING',
  'FEED_MISSING',
  'STORAGE_FULL',
  'PUBLISHES_FAILING',
] as const;

export type UpstreamCause = (typeof UPSTREAM_CAUSES)[number];

/** With one of these a gateway cannot prove what it knows of a room. */
const BLINDING: ReadonlySet<UpstreamCause> = new Set([
  'NATS_UNREACHABLE',
  'JETSTREAM_UNAVAILABLE',
  'STREAM_MISSING',
  'STREAM_UNFIT',
  'READS_FAILING',
]);

/** Causes that hold now, the worst first; none when everything that viewers are told can be proven. */
export type UpstreamCauses = readonly UpstreamCause[];

export const NO_CAUSES: UpstreamCauses = [];

/** Whether what a gateway knows of rooms can be compared with the stream. */
export function canVerify(causes: UpstreamCauses): boolean {
  return !causes.some((cause) => BLINDING.has(cause));
}
