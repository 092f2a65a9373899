import type { GuaranteeName, GuaranteeResult, Violation, ViolationKind } from './verdict.ts';

const VIOLATIONS_KEPT = 100;

/** Counts the checks of one guarantee and keeps what failed. */
export class Tally implements GuaranteeResult {
  checks = 0;
  failed = 0;
  first: Violation | undefined;
  readonly guarantee: GuaranteeName;
  readonly failedByKind: Partial<Record<ViolationKind, number>> = {};
  readonly firstByKind: Partial<Record<ViolationKind, Violation>> = {};
  readonly violations: Violation[] = [];

  constructor(guarantee: GuaranteeName) {
    this.guarantee = guarantee;
  }

  /** Counts one check, and a violation unless it holds. `violation` is made only then. */
  check(holds: boolean, violation: () => Omit<Violation, 'guarantee'>): void {
    this.checks += 1;
    if (!holds) this.#fail({ guarantee: this.guarantee, ...violation() });
  }

  #fail(violation: Violation): void {
    const { kind, atMs } = violation;
    this.failed += 1;
    this.failedByKind[kind] = (this.failedByKind[kind] ?? 0) + 1;
    if (this.first === undefined || atMs < this.first.atMs) this.first = violation;
    const first = this.firstByKind[kind];
    if (first === undefined || atMs < first.atMs) this.firstByKind[kind] = violation;
    if (this.violations.length < VIOLATIONS_KEPT) this.violations.push(violation);
  }
}
