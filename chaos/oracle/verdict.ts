/** The promises of the gateway and its client: six of delivery, one of what is said. */
export const guaranteeNames = [
  'Ordered',
  'Unique',
  'Reliable',
  'Resumable',
  'Bookmarked',
  'Isolated',
  'Truthful',
] as const;

export type GuaranteeName = (typeof guaranteeNames)[number];

/** Whom a violation concerns when it is none of the viewers. */
export const PUBLISHER = 'publisher';

/** In what way a guarantee was broken. */
export type ViolationKind =
  /** A message came for the first time after a later one. */
  | 'reordered'
  /** A message came again. */
  | 'duplicated'
  /** An acknowledged message never came, and nothing that was announced covers it. */
  | 'lost'
  /** A message names a predecessor that never came, and nothing that was announced covers it. */
  | 'silent-gap'
  /** A gap was announced and nothing had happened that makes one. */
  | 'signalled-gap'
  /** A reset was announced and nothing had happened that makes one. */
  | 'signalled-reset'
  /** Another message came under an acknowledged message's sequence. */
  | 'altered'
  /** A message came that nobody published. */
  | 'phantom'
  /** A cursor was not honoured, though no gap or reset was announced. */
  | 'not-resumed'
  /** A place was told that lies before one told or reached earlier. */
  | 'cursor-regression'
  /** The viewer was not told where it stands. */
  | 'no-bookmark'
  /** A viewer that no fault had touched got a message too late. */
  | 'late'
  /** A viewer that no fault had touched lost or doubted its connection. */
  | 'disturbed'
  /** A viewer was not told that its gateway cannot prove what it says, or was told the opposite. */
  | 'falsely-well'
  /** A viewer was told a cause that cannot have been it. */
  | 'wrong-cause'
  /** A viewer was told that it has everything, on knowledge that was too old. */
  | 'stale'
  /** A publisher was told that the outcome is unknown though nothing can have been stored. */
  | 'indefinite';

/** One broken promise. */
export interface Violation {
  readonly guarantee: GuaranteeName;
  readonly kind: ViolationKind;
  /** The viewer's name, or {@link PUBLISHER}. */
  readonly viewer: string;
  /** Absent when it concerns the connection. */
  readonly room?: string;
  readonly seq?: number;
  /** When it showed. */
  readonly atMs: number;
  /** For people. */
  readonly detail: string;
}

/** What became of one guarantee. */
export interface GuaranteeResult {
  readonly guarantee: GuaranteeName;
  readonly checks: number;
  readonly failed: number;
  readonly failedByKind: Partial<Record<ViolationKind, number>>;
  /** The earliest in time. */
  readonly first: Violation | undefined;
  readonly firstByKind: Partial<Record<ViolationKind, Violation>>;
  /** The first hundred found, viewer by viewer. */
  readonly violations: readonly Violation[];
}

/** What became of a run. */
export interface Verdict {
  readonly results: readonly GuaranteeResult[];
  /** Reliable messages that reached applications, repeats included. */
  readonly delivered: number;
  /** Gaps announced, by whether something had happened that makes one. */
  readonly signalledGaps: { readonly expected: number; readonly unexpected: number };
}

/** Guarantees that every run with viewers and messages can check; the others need a resume, or bounds. */
export const alwaysChecked: readonly GuaranteeName[] = ['Ordered', 'Unique', 'Reliable', 'Bookmarked'];

/** Why a verdict is no pass, a line a guarantee; empty for a pass. A guarantee in `required` that was not checked is no pass. */
export function shortcomings(verdict: Verdict, required: readonly GuaranteeName[] = alwaysChecked): string[] {
  return [...unchecked(verdict, required), ...failures(verdict).map(summarize)];
}

/** The same, with examples of what failed, a line each. */
export function complaints(verdict: Verdict, required: readonly GuaranteeName[] = alwaysChecked): string[] {
  return [...unchecked(verdict, required), ...failures(verdict).flatMap(describeFailure)];
}

function unchecked({ results }: Verdict, required: readonly GuaranteeName[]): string[] {
  return required
    .filter((name) => !results.some(({ guarantee, checks }) => guarantee === name && checks > 0))
    .map((name) => `${name}: nothing was checked`);
}

function failures({ results }: Verdict): GuaranteeResult[] {
  return results.filter(({ failed }) => failed > 0);
}

function summarize({ guarantee, checks, failed }: GuaranteeResult): string {
  return `${guarantee}: ${failed} of ${checks} checks failed`;
}

function describeFailure(result: GuaranteeResult): string[] {
  const { failed, violations } = result;
  const shown = violations.slice(0, 10);
  const more = failed - shown.length;
  return [
    summarize(result),
    ...shown.map((violation) => `  ${describe(violation)}`),
    ...(more > 0 ? [`  … and ${more} more`] : []),
  ];
}

function describe({ kind, viewer, room, seq, atMs, detail }: Violation): string {
  const where = [`viewer ${viewer}`, room && `room ${room}`, seq !== undefined && `seq ${seq}`];
  return `${kind}: ${where.filter(Boolean).join(', ')} at ${atMs} ms: ${detail}`;
}
