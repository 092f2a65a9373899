import type { Clock } from '../../common/clock.ts';
import type { Logger } from './logging.ts';
import type { SampledLog } from './sampled-log.ts';
import { sampledLog } from './sampled-log.ts';

/** What is on record of somebody. Never a token. */
export type AuditFacts = Readonly<Record<string, unknown>>;

/** Who did what, and who was refused what: for whoever has to find out later. */
export interface AuditLog {
  /** Notes what a moderator has done, each time. */
  action(facts: AuditFacts, message: string): void;
  /** Notes what was refused: of each reason some in a second, and how many more there were. */
  refusal(reason: string, facts: AuditFacts): void;
  close(): void;
}

/** @param logger where it is written; each line says `audit` */
export function auditLog(logger: Logger, clock: Clock): AuditLog {
  /** One for each reason: a flood of one hides no other. */
  const logs = new Map<string, SampledLog>();
  return {
    action: (facts, message) => logger.info({ audit: 'action', ...facts }, message),
    refusal(reason, facts) {
      const log = logs.get(reason) ?? sampledLog(logger, clock, { audit: 'refusal' });
      logs.set(reason, log);
      log.info({ reason, ...facts }, `refused: ${reason}`);
    },
    close() {
      for (const log of logs.values()) log.close();
    },
  };
}
