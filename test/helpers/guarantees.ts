import assert from 'node:assert/strict';
import { checkGuarantees } from '../../chaos/oracle/guarantees.ts';
import type { History } from '../../chaos/oracle/history.ts';
import type { GuaranteeName, Verdict } from '../../chaos/oracle/verdict.ts';
import { alwaysChecked, complaints } from '../../chaos/oracle/verdict.ts';

export {
  bookmarked,
  checkGuarantees,
  isolated,
  ordered,
  reliable,
  resumable,
  truthful,
  unique,
} from '../../chaos/oracle/guarantees.ts';

/**
 * Checks all guarantees over a recorded history and returns the verdict.
 * @param required guarantees of which something must have been checked, beside Ordered, Unique, Reliable and Bookmarked.
 * @throws AssertionError with the violations, a line each, or the guarantees that nothing was checked of.
 */
export function assertGuarantees(history: History, required: readonly GuaranteeName[] = []): Verdict {
  const verdict = checkGuarantees(history);
  const lines = complaints(verdict, [...alwaysChecked, ...required]);
  assert.ok(lines.length === 0, `the guarantees do not hold\n${lines.join('\n')}`);
  return verdict;
}
